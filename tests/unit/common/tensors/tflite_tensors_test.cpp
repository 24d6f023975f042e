#include "tests/unit/common/tensors/tflite_file.hpp"

namespace argosy {
namespace {

constexpr std::uint8_t float16_type = 1;
constexpr std::uint8_t int8_type = 9;

TEST(TfliteTensors, FindsTheBuffersThatTensorsName) {
  const Bytes kernel = floats(36);
  const Bytes quantised = values<std::uint8_t>(128);
  const Bytes file = tflite_model({{"input", 0, {1, 8, 8, 1}, 0},
                                   {"conv/kernel", 0, {4, 3, 3, 1}, 1, {}},
                                   {"dense/kernel", int8_type, {2, 64}, 2, {}}},
                                  {{}, {kernel}, {quantised}});
  const auto map = found_in(file);
  EXPECT_EQ(map.format, ModelFormat::tflite);
  EXPECT_EQ(describe(map), (Lines{"conv/kernel f32 [4, 3, 3, 1]", "dense/kernel i8 [2, 64]"}));
  EXPECT_EQ(content_of(file, map.tensors[0]), kernel);
  EXPECT_EQ(content_of(file, map.tensors[1]), quantised);
  EXPECT_EQ(map.remark, "");
}

TEST(TfliteTensors, FindsBuffersBehindTheFlatbuffer) {
  const Bytes weights = values<std::uint16_t>(40);
  const Bytes file = tflite_model({{"w", float16_type, {5, 8}, 1, {}}}, {{}, {weights, true}});
  const auto map = found_in(file);
  EXPECT_EQ(describe(map), Lines{"w f16 [5, 8]"});
  EXPECT_EQ(content_of(file, map.tensors[0]), weights);
  EXPECT_EQ(map.tensors[0].offset + map.tensors[0].size, file.size());
}

TEST(TfliteTensors, OfTensorsThatShareABufferTheFirstNamesIt) {
  const auto map =
      found_in(tflite_model({{"first", 0, {16}, 1, {}}, {"second", 0, {4, 4}, 1, {}}}, {{}, {floats(16)}}));
  EXPECT_EQ(describe(map), Lines{"first f32 [16]"});
  EXPECT_EQ(map.remark, "");
}

TEST(TfliteTensors, FindsTheScalesOfAQuantisedTensor) {
  const Bytes scales = floats(32, 0.5F);
  const Bytes file = tflite_model({{"w", int8_type, {32, 4}, 1, scales}}, {{}, {Bytes(128)}});
  const auto map = found_in(file);
  ASSERT_EQ(describe(map), (Lines{"w.scale f32 [32]", "w i8 [32, 4]"}));
  EXPECT_EQ(content_of(file, map.tensors[0]), scales);
}

TEST(TfliteTensors, FindsASparseTensorsValuesAndTheirPlaces) {
  const Bytes places = values<std::uint8_t>(70);
  const Bytes stored = floats(70);
  const Bytes file = tflite_model({{"w", 0, {32, 32}, 1, {}, places}}, {{}, {stored}});
  const auto map = found_in(file);
  ASSERT_EQ(describe(map), (Lines{"w.indices0 u8 [70]", "w f32 [70]"}));
  EXPECT_EQ(content_of(file, map.tensors[0]), places);
  EXPECT_EQ(content_of(file, map.tensors[1]), stored);
  EXPECT_EQ(map.remark, "");
}

TEST(TfliteTensors, SaysWhichTensorIsWrong) {
  const auto remark_on = [](const TfliteTensor& tensor) {
    return found_in(tflite_model({tensor}, {{}, {floats(16)}})).remark;
  };
  EXPECT_EQ(remark_on({"w", 0, {15}, 1, {}}), "tensor 'w' is f32 [15], which cannot be 64 bytes");
  EXPECT_EQ(remark_on({"w", 0, {-16}, 1, {}}), "tensor 'w' is f32 [-16], which cannot be 64 bytes");
  EXPECT_EQ(remark_on({"w", 0, {16}, 9, {}}), "tensor 'w' names buffer 9 of 2");
}

// Each of many subgraphs shows the same long list of tensors: the walk must not take their product.
TEST(TfliteTensors, SubgraphsThatShareTheirTensorsEndAtTheLimit) {
  constexpr std::size_t many = 20'000;
  FlatWriter writer("TFL3");
  const auto model = writer.table({0, 0, 4, 0, 4});
  writer.lead_to_last_table(0);
  const std::size_t buffers = writer.offsets(model[4], 1);
  const std::size_t subgraphs = writer.offsets(model[2], many);
  const auto subgraph = writer.table({4});
  for (std::size_t i = 0; i < many; ++i) writer.lead_to_last_table(subgraphs + 4 * i);
  const std::size_t tensors = writer.offsets(subgraph[0], many);
  writer.table({0, 0, 4});
  for (std::size_t i = 0; i < many; ++i) writer.lead_to_last_table(tensors + 4 * i);
  writer.table({0});
  writer.lead_to_last_table(buffers);
  EXPECT_EQ(found_in(writer.done()).remark, "only the first 1000000 tensors are looked at");
}

}  // namespace
}  // namespace argosy
