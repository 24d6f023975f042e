#include "tests/unit/common/tensors/gguf_file.hpp"

namespace argosy {
namespace {

TEST(GgufTensors, FindsTensorsAndTurnsTheirShapesRound) {
  const Bytes embedding = floats(64);
  const Bytes q8 = values<std::uint8_t>(4 * 34);
  const Bytes q4 = values<std::uint8_t>(4 * 18);
  for (const std::uint32_t version : {2U, 3U}) {
    for (const std::uint32_t alignment : {32U, 256U}) {
      const Bytes file =
          gguf_model({{"embedding", {16, 4}, 0, embedding}, {"ffn", {64, 2}, 8, q8}, {"attention", {32, 4}, 2, q4}},
                     version, alignment);
      const auto map = found_in(file);
      EXPECT_EQ(map.format, ModelFormat::gguf);
      EXPECT_EQ(describe(map), (Lines{"embedding f32 [4, 16]", "ffn q8_0 [2, 64]", "attention q4_0 [4, 32]"}));
      EXPECT_EQ(content_of(file, map.tensors[0]), embedding);
      EXPECT_EQ(content_of(file, map.tensors[1]), q8);
      EXPECT_EQ(content_of(file, map.tensors[2]), q4);
      EXPECT_EQ(map.remark, "");
    }
  }
}

TEST(GgufTensors, OtherBlockTypesKeepTheirSize) {
  const auto map = found_in(gguf_model({{"q6_k", {256, 2}, 14, Bytes(420)}}));
  EXPECT_EQ(describe(map), Lines{"q6_k other [2, 256]"});
  EXPECT_EQ(map.tensors.at(0).size, 420u);
}

TEST(GgufTensors, SaysWhatIsWrong) {
  EXPECT_EQ(found_in(gguf_model({}, 4)).remark, "GGUF version 4 is not known; versions 2 and 3 are");
  EXPECT_EQ(found_in(gguf_model({}, 3, 33)).remark, "an alignment of 33 is not a power of two");
  EXPECT_EQ(found_in(gguf_model({{"w", {64}, 777, Bytes(64)}})).remark, "tensor 'w' has the unknown type 777");
  EXPECT_EQ(found_in(gguf_model({{"w", {33}, 8, Bytes(64)}})).remark,
            "tensor 'w' has a shape that its type cannot have");
  EXPECT_EQ(found_in(gguf_model({{"w", {32}, 0, Bytes(64)}})).remark, "tensor 'w' ends behind the file");
}

TEST(GgufTensors, CountsThatTheFileCannotHoldEndWithTheFile) {
  Bytes file = gguf_model({{"w", {16}, 0, floats(16)}});
  for (std::size_t i = 8; i < 16; ++i) file[i] = 0xff;  // the tensors
  EXPECT_EQ(found_in(file).remark, "the file ends inside the tensors' descriptions");
  for (std::size_t i = 16; i < 24; ++i) file[i] = 0xff;  // the metadata
  EXPECT_NE(found_in(file).remark, "");
}

}  // namespace
}  // namespace argosy
