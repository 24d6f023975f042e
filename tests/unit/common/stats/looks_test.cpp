#include "common/stats/looks.hpp"

#include <gtest/gtest.h>

namespace argosy {
namespace {

TEST(Looks, ComeAtOneTwoFourEightWindows) {
  EXPECT_EQ(looks_due(0), 0);
  EXPECT_EQ(looks_due(1), 1);
  EXPECT_EQ(looks_due(2), 2);
  EXPECT_EQ(looks_due(3), 2);
  EXPECT_EQ(looks_due(4), 3);
  EXPECT_EQ(looks_due(1440), 11) << "a day of windows of a minute";
  EXPECT_EQ(looks_due(~std::uint64_t{0}), look_limit);
  for (int look = 1; look < look_limit; ++look) EXPECT_EQ(looks_due(windows_at_look(look)), look);
}

TEST(Looks, SpendNoMoreThanAlphaHoweverLongItIsWatched) {
  double spent = 0;
  for (int look = 1; look <= look_limit; ++look) spent += alpha_of_look(0.05, look);
  EXPECT_NEAR(spent, 0.05 * look_limit / (look_limit + 1), 1e-12);
  EXPECT_EQ(alpha_of_look(0.05, 1), 0.025);
}

TEST(Looks, EqualIsEnoughToReject) {
  EXPECT_TRUE(rejects(1.0 / 120, alpha_of_look(0.05, 2)));
  EXPECT_FALSE(rejects(1.0 / 119, alpha_of_look(0.05, 2)));
}

}  // namespace
}  // namespace argosy
