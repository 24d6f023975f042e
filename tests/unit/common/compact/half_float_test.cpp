// 16-bit floats: every one of them, and every place where rounding turns from one to the next.
#include "common/delta/half_float.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace argosy {
namespace {

// Walks the finite magnitudes of a 16-bit float: between neighbours the middle goes to the even one, and what is beside
// the middle to the nearer.
template <class ToFloat, class FromFloat>
void expect_nearest(std::uint16_t infinity, ToFloat to_float, FromFloat from_float) {
  for (std::uint32_t low = 0; low + 1 < infinity; ++low) {
    const auto high = static_cast<std::uint16_t>(low + 1);
    const double middle = (double{to_float(static_cast<std::uint16_t>(low))} + to_float(high)) / 2;
    const auto half_way = static_cast<float>(middle);
    ASSERT_EQ(from_float(to_float(high)), high);
    ASSERT_EQ(from_float(half_way), (low & 1) == 0 ? low : high) << low;
    ASSERT_EQ(from_float(std::nextafter(half_way, 0.0F)), low);
    ASSERT_EQ(from_float(std::nextafter(half_way, std::numeric_limits<float>::infinity())), high);
    ASSERT_EQ(from_float(-half_way), 0x8000 | ((low & 1) == 0 ? low : high));
  }
}

TEST(HalfFloat, RoundsToTheNearestAndTiesToEven) {
  expect_nearest(0x7c00, float_of_half, half_of_float);
}

TEST(HalfFloat, BfloatRoundsToTheNearestAndTiesToEven) {
  // Half way between two of its least numbers there is a float, below the least of all as well.
  expect_nearest(0x7f80, float_of_bfloat, bfloat_of_float);
}

TEST(HalfFloat, EveryPatternComesBack) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto word = static_cast<std::uint16_t>(bits);
    if (std::isnan(float_of_half(word))) {
      ASSERT_TRUE(std::isnan(float_of_half(half_of_float(float_of_half(word)))));
    } else {
      ASSERT_EQ(half_of_float(float_of_half(word)), word);
    }
    if (std::isnan(float_of_bfloat(word))) {
      ASSERT_TRUE(std::isnan(float_of_bfloat(bfloat_of_float(float_of_bfloat(word)))));
    } else {
      ASSERT_EQ(bfloat_of_float(float_of_bfloat(word)), word);
    }
  }
}

TEST(HalfFloat, WhatIsTooLargeBecomesInfinity) {
  EXPECT_EQ(half_of_float(65519.0F), 0x7bff);
  EXPECT_EQ(half_of_float(65520.0F), 0x7c00);
  EXPECT_EQ(half_of_float(1e30F), 0x7c00);
  EXPECT_EQ(half_of_float(-1e30F), 0xfc00);
  EXPECT_EQ(bfloat_of_float(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(half_of_float(-0.0F), 0x8000);
}

}  // namespace
}  // namespace argosy
