#include "common/tensors/element_type.hpp"

#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace argosy {
namespace {

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
using Dims = std::vector<std::int64_t>;

TEST(ElementType, KnowsItsNameAndBytes) {
  EXPECT_EQ(name_of(ElementType::bf16), "bf16");
  EXPECT_EQ(name_of(ElementType::boolean), "bool");
  EXPECT_EQ(bytes_of(ElementType::f64), 8u);
  EXPECT_EQ(bytes_of(ElementType::bf16), 2u);
  EXPECT_EQ(bytes_of(ElementType::q8_0), 0u);
  EXPECT_EQ(bytes_of(ElementType::other), 0u);
}

TEST(ElementType, SizesFollowFromTheShape) {
  EXPECT_EQ(size_of(layout_of(ElementType::f32), Dims{3, 4}), 48u);
  EXPECT_EQ(size_of(layout_of(ElementType::f32), Dims{}), 4u);
  EXPECT_EQ(size_of(layout_of(ElementType::f32), Dims{3, 0}), 0u);
  EXPECT_EQ(size_of(layout_of(ElementType::q8_0), Dims{2, 64}), 2u * 2 * 34);
  EXPECT_EQ(size_of(layout_of(ElementType::q4_0), Dims{2, 64}), 2u * 2 * 18);
}

TEST(ElementType, ImpossibleShapesHaveNoSize) {
  EXPECT_EQ(size_of(layout_of(ElementType::f32), Dims{-1, 4}), std::nullopt);
  EXPECT_EQ(size_of(layout_of(ElementType::u8), Dims{largest, 4}), std::nullopt);
  EXPECT_EQ(size_of(layout_of(ElementType::f64), Dims{largest}), std::nullopt);
  EXPECT_EQ(size_of(layout_of(ElementType::other), Dims{4}), std::nullopt);
  EXPECT_EQ(size_of(layout_of(ElementType::q8_0), Dims{64, 33}), std::nullopt);
  EXPECT_EQ(size_of(layout_of(ElementType::q8_0), Dims{}), std::nullopt);
}

}  // namespace
}  // namespace argosy
