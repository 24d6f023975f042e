#include "common/stats/robust.hpp"

#include <gtest/gtest.h>

namespace argosy {
namespace {

TEST(Robust, MedianOfOddEvenAndNothing) {
  EXPECT_EQ(*median({3, 1, 2}), 2);
  EXPECT_EQ(*median({4, 1, 3, 2}), 2.5);
  EXPECT_FALSE(median({}));
}

TEST(Robust, OneWildValueMovesNeitherCentreNorSpread) {
  const auto calm = *robust_spread({1, 2, 3, 4, 5});
  const auto wild = *robust_spread({1, 2, 3, 4, 5000});
  EXPECT_EQ(calm.median, wild.median);
  EXPECT_EQ(calm.sigma, wild.sigma);
  EXPECT_NEAR(calm.sigma, 1.4826, 1e-12);
}

TEST(Robust, TheFloorKeepsEqualPeersFromMakingEveryoneWild) {
  const auto equal = *robust_spread({2, 2, 2});
  EXPECT_NEAR(robust_z(equal, 2.1, 0.15), 0.1 / 0.15, 1e-12);
}

}  // namespace
}  // namespace argosy
