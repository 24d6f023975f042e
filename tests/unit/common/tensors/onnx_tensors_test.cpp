#include "common/base/file.hpp"
#include "tests/unit/common/tensors/model_files.hpp"
#include "tests/unit/common/tensors/onnx_file.hpp"

namespace argosy {
namespace {

TEST(OnnxTensors, FindsRawInitializersWhereTheirBytesLie) {
  const Bytes weights = floats(32);
  const Bytes steps = values<std::int64_t>(10);
  const Bytes file = onnx_model(ProtoWriter()
                                    .message(5, onnx_tensor("conv.weight", 1, {4, 8}).bytes(9, weights))
                                    .message(5, onnx_tensor("steps", 7, {10}).bytes(9, steps)));
  const auto map = found_in(file);
  EXPECT_EQ(map.format, ModelFormat::onnx);
  EXPECT_EQ(describe(map), (Lines{"conv.weight f32 [4, 8]", "steps i64 [10]"}));
  EXPECT_EQ(content_of(file, map.tensors[0]), weights);
  EXPECT_EQ(content_of(file, map.tensors[1]), steps);
  EXPECT_EQ(map.remark, "");
}

TEST(OnnxTensors, FindsPackedFloatsAndDoubles) {
  const Bytes singles = floats(16);
  const Bytes doubles = values<double>(9);
  const Bytes file = onnx_model(ProtoWriter()
                                    .message(5, onnx_tensor("singles", 1, {16}).bytes(4, singles))
                                    .message(5, onnx_tensor("doubles", 11, {3, 3}).bytes(10, doubles)));
  const auto map = found_in(file);
  EXPECT_EQ(describe(map), (Lines{"singles f32 [16]", "doubles f64 [3, 3]"}));
  EXPECT_EQ(content_of(file, map.tensors[0]), singles);
  EXPECT_EQ(content_of(file, map.tensors[1]), doubles);
}

TEST(OnnxTensors, ReadsPackedDimensions) {
  const Bytes dims = ProtoWriter().raw_varint(2).raw_varint(300).done();
  const ProtoWriter tensor = ProtoWriter().bytes(1, dims).number(2, 3).text(8, "t").bytes(9, Bytes(600));
  EXPECT_EQ(describe(found_in(onnx_model(ProtoWriter().message(5, tensor)))), Lines{"t i8 [2, 300]"});
}

TEST(OnnxTensors, KnowsItsElementTypes) {
  const std::pair<int, std::string> types[] = {
      {1, "f32"},  {2, "u8"},   {3, "i8"},   {4, "u16"},  {5, "i16"},    {6, "i32"},   {7, "i64"},    {9, "bool"},
      {10, "f16"}, {11, "f64"}, {12, "u32"}, {13, "u64"}, {14, "other"}, {16, "bf16"}, {17, "other"}, {22, "other"}};
  for (const auto& [number, name] : types) {
    std::size_t bytes = 1;
    for (const auto type : {ElementType::f64, ElementType::f32, ElementType::f16, ElementType::bf16, ElementType::i64,
                            ElementType::u64, ElementType::i32, ElementType::u32, ElementType::i16, ElementType::u16})
      if (name_of(type) == name) bytes = bytes_of(type);
    const auto type = static_cast<std::uint64_t>(number);
    const auto file = onnx_model(ProtoWriter().message(5, onnx_tensor("t", type, {80}).bytes(9, Bytes(80 * bytes))));
    EXPECT_EQ(describe(found_in(file)), Lines{"t " + name + " [80]"});
  }
}

TEST(OnnxTensors, NamesAConstantAfterItsNodesOutput) {
  const ProtoWriter value = ProtoWriter().text(1, "value").message(5, onnx_tensor("", 1, {16}).bytes(9, floats(16)));
  const ProtoWriter node = ProtoWriter().text(2, "/layer/Constant_output_0").text(4, "Constant").message(5, value);
  EXPECT_EQ(describe(found_in(onnx_model(ProtoWriter().message(1, node)))), Lines{"/layer/Constant_output_0 f32 [16]"});
}

TEST(OnnxTensors, LooksIntoSubgraphsAndFunctions) {
  const ProtoWriter branch = ProtoWriter().message(5, onnx_tensor("inner", 1, {16}).bytes(9, floats(16)));
  const ProtoWriter then = ProtoWriter().text(1, "then_branch").message(6, branch);
  const ProtoWriter graph = ProtoWriter().message(1, ProtoWriter().text(4, "If").message(5, then));
  const ProtoWriter value = ProtoWriter().message(5, onnx_tensor("in_function", 1, {16}).bytes(9, floats(16)));
  const ProtoWriter function = ProtoWriter().message(7, ProtoWriter().message(5, value));
  const Bytes file = ProtoWriter().number(1, 8).message(7, graph).message(25, function).done();
  EXPECT_EQ(describe(found_in(file)), (Lines{"inner f32 [16]", "in_function f32 [16]"}));
}

TEST(OnnxTensors, ReportsDataInOtherFiles) {
  const auto entry = [](std::string_view key, std::string_view value) {
    return ProtoWriter().text(1, key).text(2, value);
  };
  const ProtoWriter whole = onnx_tensor("whole", 1, {4, 8})
                                .message(13, entry("location", "model.onnx.data"))
                                .message(13, entry("offset", "4096"))
                                .message(13, entry("length", "128"))
                                .number(14, 1);
  const ProtoWriter short_form = onnx_tensor("short", 10, {64}).message(13, entry("location", "b")).number(14, 1);
  const auto map = found_in(onnx_model(ProtoWriter().message(5, whole).message(5, short_form)));
  ASSERT_EQ(map.external.size(), 2u);
  EXPECT_TRUE(map.tensors.empty());
  EXPECT_EQ(describe(map.external[0].extent), "whole f32 [4, 8]");
  EXPECT_EQ(map.external[0].location, "model.onnx.data");
  EXPECT_EQ(map.external[0].extent.offset, 4096u);
  EXPECT_EQ(map.external[0].extent.size, 128u);
  EXPECT_EQ(map.external[1].extent.offset, 0u);
  EXPECT_EQ(map.external[1].extent.size, 128u);
}

TEST(OnnxTensors, VarintDataIsAGap) {
  const Bytes packed(64, 1);
  const auto map = found_in(onnx_model(ProtoWriter().message(5, onnx_tensor("t", 7, {64}).bytes(7, packed))));
  EXPECT_TRUE(map.tensors.empty());
  EXPECT_EQ(map.remark, "");
}

TEST(OnnxTensors, SaysWhichTensorHasTheWrongSize) {
  const auto map = found_in(onnx_model(ProtoWriter()
                                           .message(5, onnx_tensor("bad", 1, {4, 8}).bytes(9, floats(31)))
                                           .message(5, onnx_tensor("good", 1, {4, 8}).bytes(9, floats(32)))));
  EXPECT_EQ(describe(map), Lines{"good f32 [4, 8]"});
  EXPECT_EQ(map.remark, "tensor 'bad' is f32 [4, 8], which cannot be 124 bytes");
}

TEST(OnnxTensors, FindsTheWeightsOfTheDigitsModels) {
  const std::string folder = ARGOSY_SOURCE_DIR "/examples/digits/models/";
  for (const char* name : {"digits-1.0-fp32.onnx", "digits-1.3-fp32.onnx", "digits-1.0-int8.onnx"}) {
    SCOPED_TRACE(name);
    const std::string file = read_file(folder + name).value();
    const auto map = found_in(as_bytes(file));
    EXPECT_EQ(map.format, ModelFormat::onnx);
    EXPECT_EQ(map.remark, "");
    std::uint64_t covered = 0;
    for (const auto& extent : map.tensors) covered += extent.size;
    EXPECT_GT(covered, file.size() * 9 / 10);
  }
}

}  // namespace
}  // namespace argosy
