// Files that are cut short anywhere, damaged anywhere, or nested without end: the promises of TensorMap hold for each.
#include "common/base/random.hpp"
#include "tests/unit/common/tensors/gguf_file.hpp"
#include "tests/unit/common/tensors/npy_file.hpp"
#include "tests/unit/common/tensors/onnx_file.hpp"
#include "tests/unit/common/tensors/tflite_file.hpp"

namespace argosy {
namespace {

struct NamedFile {
  std::string name;
  Bytes content;
};

std::vector<NamedFile> one_of_each_format() {
  const Bytes weights = floats(32);
  const std::string header = R"({"w":{"dtype":"F32","shape":[4,8],"data_offsets":[0,128]}})";
  const ProtoWriter constant = ProtoWriter().message(5, onnx_tensor("", 1, {32}).bytes(4, weights));
  const ProtoWriter graph = ProtoWriter()
                                .message(1, ProtoWriter().text(2, "c").message(5, constant))
                                .message(5, onnx_tensor("w", 1, {4, 8}).bytes(9, weights));
  const std::vector<ZipMember> members = {{"w.npy", npy_file("<f4", "(4, 8)", weights)},
                                          {"b.npy", npy_file("<f4", "(32,)", weights)}};
  return {
      {"onnx", onnx_model(graph)},
      {"tflite", tflite_model({{"w", 0, {4, 8}, 1, floats(20)}, {"v", 0, {64}, 2, {}, Bytes(70)}},
                              {{}, {weights}, {weights, true}})},
      {"safetensors", FileWriter().u64(header.size()).text(header).bytes(weights).done()},
      {"gguf", gguf_model({{"w", {8, 4}, 0, weights}, {"q", {64, 2}, 8, Bytes(136)}})},
      {"npy", npy_file("<f4", "(4, 8)", weights)},
      {"npz", zip_file(members)},
      {"npz of 64 bits", zip_file(members, true)},
  };
}

TEST(HostileModel, TheFilesAreUnderstoodAsTheyAre) {
  for (const auto& [name, content] : one_of_each_format()) {
    const auto map = found_in(content);
    EXPECT_TRUE(name.starts_with(name_of(map.format))) << name;
    EXPECT_FALSE(map.tensors.empty()) << name;
    EXPECT_EQ(map.remark, "") << name;
  }
}

TEST(HostileModel, CutShortAtEveryByte) {
  for (const auto& [name, content] : one_of_each_format()) {
    for (std::size_t size = 0; size < content.size(); ++size) {
      const Bytes cut(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(broken_promise(find_tensors(cut), size), "") << name << " cut to " << size;
    }
  }
}

TEST(HostileModel, EveryByteReplaced) {
  for (const auto& [name, content] : one_of_each_format()) {
    for (std::size_t i = 0; i < content.size(); ++i) {
      for (const std::uint8_t value : {0x00, 0x7f, 0x80, 0xff}) {
        Bytes damaged = content;
        damaged[i] = value;
        EXPECT_EQ(broken_promise(find_tensors(damaged), damaged.size()), "") << name << " at " << i;
      }
    }
  }
}

TEST(HostileModel, SeveralBytesAtRandom) {
  const auto files = one_of_each_format();
  for (std::uint64_t seed = 1; seed <= 5'000; ++seed) {
    Rng rng(seed);
    const NamedFile& file = files[rng.below(files.size())];
    Bytes damaged = file.content;
    for (std::uint64_t i = 0, count = 1 + rng.below(16); i < count; ++i)
      damaged[rng.below(damaged.size())] = static_cast<std::uint8_t>(rng());
    EXPECT_EQ(broken_promise(find_tensors(damaged), damaged.size()), "") << file.name << ", seed " << seed;
  }
}

TEST(HostileModel, GraphsWithinGraphsEndAtTheLimit) {
  ProtoWriter graph = ProtoWriter().message(5, onnx_tensor("deep", 1, {16}).bytes(9, floats(16)));
  for (int depth = 0; depth < 1000; ++depth) {
    const ProtoWriter attribute = ProtoWriter().message(6, graph);
    graph = ProtoWriter().message(1, ProtoWriter().message(5, attribute));
  }
  const auto map = found_in(onnx_model(graph));
  EXPECT_TRUE(map.tensors.empty());
  EXPECT_EQ(map.remark, "graphs within graphs are deeper than 16");
}

TEST(HostileModel, ArraysWithinArraysEndAtTheLimit) {
  FileWriter file;
  file.text("GGUF").u32(3).u64(0).u64(1);
  gguf_string(file, "nested");
  file.u32(9);
  for (int depth = 0; depth < 1000; ++depth) file.u32(9).u64(1);
  EXPECT_EQ(found_in(file.done()).remark, "the metadata cannot be read");
}

TEST(HostileModel, AFlatbufferThatLeadsInCirclesEnds) {
  Bytes file(64);
  const std::string_view identifier = "TFL3";
  std::copy(identifier.begin(), identifier.end(), file.begin() + 4);
  EXPECT_EQ(found_in(file).tensors.size(), 0u);
  file.assign(1 << 16, 0xff);
  std::copy(identifier.begin(), identifier.end(), file.begin() + 4);
  EXPECT_EQ(found_in(file).tensors.size(), 0u);
}

TEST(HostileModel, EmptyAndForeignFilesAreUnknown) {
  for (const std::string_view text : {"", "\n", "{}", "GGU", "PK", "%PDF-1.7", "#!/bin/sh\nexit 0\n"}) {
    const auto map = found_in(as_bytes(text));
    EXPECT_EQ(map.format, ModelFormat::unknown) << text;
    EXPECT_EQ(map.remark, "");
  }
}

}  // namespace
}  // namespace argosy
