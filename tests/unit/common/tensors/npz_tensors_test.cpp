#include "common/base/file.hpp"
#include "tests/unit/common/tensors/npy_file.hpp"

namespace argosy {
namespace {

TEST(NpzTensors, FindsStoredMembers) {
  const Bytes weights = floats(24);
  const Bytes labels = values<std::int64_t>(8);
  for (const bool is_zip64 : {false, true}) {
    const Bytes file = zip_file({{"layer/w.npy", npy_file("<f4", "(4, 6)", weights)},
                                 {"notes.txt", Bytes(100)},
                                 {"y.npy", npy_file("<i8", "(8,)", labels)}},
                                is_zip64);
    const auto map = found_in(file);
    EXPECT_EQ(map.format, ModelFormat::npz);
    ASSERT_EQ(describe(map), (Lines{"layer/w f32 [4, 6]", "y i64 [8]"}));
    EXPECT_EQ(content_of(file, map.tensors[0]), weights);
    EXPECT_EQ(content_of(file, map.tensors[1]), labels);
    EXPECT_EQ(map.remark, "");
  }
}

TEST(NpzTensors, CompressedMembersAreGaps) {
  const auto map = found_in(zip_file({{"small.npy", Bytes(100), 8}, {"w.npy", npy_file("<f4", "(16,)", floats(16))}}));
  EXPECT_EQ(describe(map), Lines{"w f32 [16]"});
  EXPECT_EQ(map.remark, "tensor 'small' is compressed: store it, as numpy.savez does");
}

TEST(NpzTensors, AZipOfOtherThingsIsNotOne) {
  EXPECT_EQ(found_in(zip_file({{"archive/data.pkl", Bytes(100)}})).format, ModelFormat::unknown);
}

TEST(NpzTensors, SaysWhenTheDirectoryIsMissing) {
  Bytes file = zip_file({{"w.npy", npy_file("<f4", "(16,)", floats(16))}});
  file.resize(file.size() - 30);
  EXPECT_EQ(found_in(file).remark, "the zip has no central directory: it may be cut short");
}

TEST(NpzTensors, FindsTheDigits) {
  const std::string file = read_file(ARGOSY_SOURCE_DIR "/examples/digits/data/validation.npz").value();
  const auto map = found_in(as_bytes(file));
  EXPECT_EQ(describe(map), (Lines{"x u8 [400, 1, 8, 8]", "y i64 [400]"}));
  EXPECT_EQ(map.remark, "");
}

}  // namespace
}  // namespace argosy
