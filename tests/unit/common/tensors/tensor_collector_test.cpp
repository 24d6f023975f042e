#include "common/tensors/tensor_collector.hpp"

#include "tests/unit/common/tensors/model_files.hpp"

namespace argosy {
namespace {

TensorMap finish(TensorCollector& found) {
  return std::move(found).finish(ModelFormat::unknown);
}

TEST(TensorCollector, SortsByOffset) {
  const Bytes file(256);
  TensorCollector found(file);
  found.add({"second", ElementType::u8, {64}}, ByteView(file).subspan(100, 64));
  found.add({"first", ElementType::u8, {8, 8}}, ByteView(file).subspan(10, 64));
  const auto map = finish(found);
  EXPECT_EQ(describe(map), (Lines{"first u8 [8, 8]", "second u8 [64]"}));
  EXPECT_EQ(map.tensors[0].offset, 10u);
  EXPECT_EQ(map.remark, "");
}

TEST(TensorCollector, LeavesSmallTensorsOutWithoutAWord) {
  const Bytes file(256);
  TensorCollector found(file);
  found.add({"bias", ElementType::u8, {63}}, ByteView(file).first(63));
  const auto map = finish(found);
  EXPECT_TRUE(map.tensors.empty());
  EXPECT_EQ(map.remark, "");
}

TEST(TensorCollector, OfOverlappingTensorsTheFirstStays) {
  const Bytes file(512);
  TensorCollector found(file);
  const auto add = [&](std::string_view name, std::size_t offset, std::size_t size) {
    found.add({name, ElementType::u8, {static_cast<std::int64_t>(size)}}, ByteView(file).subspan(offset, size));
  };
  add("kept", 128, 128);
  add("same", 128, 128);
  add("head", 64, 65);
  add("tail", 255, 65);
  add("inside", 130, 64);
  add("around", 64, 256);
  add("before", 64, 64);
  add("behind", 256, 64);
  const auto map = finish(found);
  EXPECT_EQ(describe(map), (Lines{"before u8 [64]", "kept u8 [128]", "behind u8 [64]"}));
  EXPECT_EQ(map.remark, "tensor 'same' lies over another at byte 128");
}

TEST(TensorCollector, TurnsAwayWhatItsTypeAndShapeCannotBe) {
  const Bytes file(256);
  TensorCollector found(file);
  found.add({"weights", ElementType::f32, {4, 8}}, ByteView(file).first(100));
  found.add({"negative", ElementType::other, {-1}}, ByteView(file).first(100));
  const auto map = finish(found);
  EXPECT_TRUE(map.tensors.empty());
  EXPECT_EQ(map.remark, "tensor 'weights' is f32 [4, 8], which cannot be 100 bytes");
}

TEST(TensorCollector, BoundsNamesAndDimensions) {
  const Bytes file(256);
  TensorCollector found(file);
  const std::string long_name = std::string(255, 'n') + "\u00e9\u00e9";
  found.add({long_name, ElementType::u8, {64}}, ByteView(file).first(64));
  Shape deep;
  for (std::size_t i = 0; i < 1000; ++i) push_dimension(deep, 1);
  EXPECT_EQ(deep.size(), max_rank + 1);
  found.add({"deep", ElementType::u8, deep}, ByteView(file).subspan(64, 64));
  const auto map = finish(found);
  ASSERT_EQ(map.tensors.size(), 1u);
  EXPECT_EQ(map.tensors[0].name, std::string(255, 'n'));
  EXPECT_EQ(map.remark, "tensor 'deep' has more than 32 dimensions");
}

TEST(TensorCollector, StopsAtTheLimit) {
  const Bytes file(64 * (max_tensors + 2));
  TensorCollector found(file);
  for (std::size_t i = 0; i < max_tensors + 2; ++i)
    found.add({"t", ElementType::u8, {64}}, ByteView(file).subspan(64 * i, 64));
  const auto map = finish(found);
  EXPECT_EQ(map.tensors.size(), max_tensors);
  EXPECT_EQ(map.remark, "the file has more than 1000000 tensors; the others are left out");
}

}  // namespace
}  // namespace argosy
