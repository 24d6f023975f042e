#include "tests/unit/common/tensors/npy_file.hpp"

namespace argosy {
namespace {

TEST(NpyTensors, FindsTheArray) {
  const Bytes data = floats(24);
  for (const int version : {1, 2, 3}) {
    const Bytes file = npy_file("<f4", "(4, 6)", data, "False", version);
    const auto map = found_in(file);
    EXPECT_EQ(map.format, ModelFormat::npy);
    EXPECT_EQ(describe(map), Lines{"array f32 [4, 6]"});
    EXPECT_EQ(content_of(file, map.tensors[0]), data);
    EXPECT_EQ(map.remark, "");
  }
}

TEST(NpyTensors, FortranOrderIsTheTransposedShape) {
  EXPECT_EQ(describe(found_in(npy_file("<f8", "(2, 3, 4)", Bytes(192), "True"))), Lines{"array f64 [4, 3, 2]"});
}

TEST(NpyTensors, KnowsItsElementTypes) {
  const auto line = [](std::string_view type) { return describe(found_in(npy_file(type, "(80,)", Bytes(2000)))); };
  EXPECT_EQ(line("<f2"), Lines{"array f16 [80]"});
  EXPECT_EQ(line("|u1"), Lines{"array u8 [80]"});
  EXPECT_EQ(line("|b1"), Lines{"array bool [80]"});
  EXPECT_EQ(line("<i8"), Lines{"array i64 [80]"});
  EXPECT_EQ(line("<c8"), Lines{"array other [80]"});
  EXPECT_EQ(line("|V2"), Lines{"array other [80]"});
  EXPECT_EQ(line("<U4"), Lines{"array other [80]"});
}

TEST(NpyTensors, BigEndianObjectsAndStructuresAreGaps) {
  const std::string remark = "tensor 'array' is big-endian, or its elements are no plain numbers";
  EXPECT_EQ(found_in(npy_file(">f4", "(16,)", floats(16))).remark, remark);
  EXPECT_EQ(found_in(npy_file("|O", "(16,)", floats(16))).remark, remark);
  EXPECT_EQ(found_in(npy_file("", "(16,)", floats(16))).remark, remark);
  EXPECT_EQ(describe(found_in(npy_file(">u1", "(64,)", Bytes(64)))), Lines{"array u8 [64]"});
}

TEST(NpyTensors, SaysWhatIsWrong) {
  EXPECT_EQ(found_in(npy_file("<f4", "(17,)", floats(16))).remark, "tensor 'array' ends before its 68 bytes");
  for (const char* shape : {"16", "(16", "(-16,)", "(99999999999999999999,)", "(4294967296, 4294967296)", "(x)"})
    EXPECT_EQ(found_in(npy_file("<f4", shape, floats(16))).remark,
              "tensor 'array' has a header without a possible shape");
  EXPECT_EQ(found_in(npy_file("<f4", "(16,)", floats(16), "False", 4)).remark,
            "tensor 'array' has no .npy header of version 1, 2 or 3");
}

}  // namespace
}  // namespace argosy
