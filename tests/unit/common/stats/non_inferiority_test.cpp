#include "common/stats/non_inferiority.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace argosy {
namespace {

constexpr HarmMargins margins{.rollback = 0.05, .promotion = 0.10};

TEST(NonInferiority, FailsPassesAndWaitsByTheBounds) {
  EXPECT_EQ(verdict_of({0.06, 0.3}, margins, false), HarmVerdict::fail);
  EXPECT_EQ(verdict_of({-0.1, 0.09}, margins, false), HarmVerdict::pass);
  EXPECT_EQ(verdict_of({0.01, 0.2}, margins, false), HarmVerdict::waiting);
  EXPECT_EQ(verdict_of({0.06, 0.08}, margins, false), HarmVerdict::fail) << "surely worse than may be goes first";
  EXPECT_EQ(verdict_of({0.05, 0.10}, margins, false), HarmVerdict::waiting) << "at a margin is not over it";
}

TEST(NonInferiority, AtTheLongestDwellWhatWaitsIsInconclusiveAndNeverPasses) {
  EXPECT_EQ(verdict_of({0.01, 0.2}, margins, true), HarmVerdict::inconclusive);
  EXPECT_EQ(verdict_of({0.06, 0.3}, margins, true), HarmVerdict::fail);
  EXPECT_EQ(verdict_of({-0.1, 0.09}, margins, true), HarmVerdict::pass);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(verdict_of({nan, nan}, margins, false), HarmVerdict::waiting) << "no data is no good news";
  EXPECT_EQ(verdict_of({nan, nan}, margins, true), HarmVerdict::inconclusive);
}

TEST(NonInferiority, JudgesPValuesAsItJudgesBounds) {
  EXPECT_EQ(verdict_of(PValueAtAlpha{0.001, 0.00625}, PValueAtAlpha{0.9, 0.05}, false), HarmVerdict::fail);
  EXPECT_EQ(verdict_of(PValueAtAlpha{0.7, 0.00625}, PValueAtAlpha{0.02, 0.05}, false), HarmVerdict::pass);
  EXPECT_EQ(verdict_of(PValueAtAlpha{0.1, 0.00625}, PValueAtAlpha{0.2, 0.05}, false), HarmVerdict::waiting);
  EXPECT_EQ(verdict_of(PValueAtAlpha{0.1, 0.00625}, PValueAtAlpha{0.2, 0.05}, true), HarmVerdict::inconclusive);
  EXPECT_EQ(verdict_of(PValueAtAlpha{}, PValueAtAlpha{}, false), HarmVerdict::waiting);
}

TEST(NonInferiority, AMarginOfFivePercentIsTwoMillisecondsWhereThatIsMore) {
  EXPECT_NEAR(ln_margin(1.05, 2, 100), std::log(1.05), 1e-12);
  EXPECT_NEAR(ln_margin(1.05, 2, 10), std::log(1.2), 1e-12);
  EXPECT_NEAR(ln_margin(1.05, 0, 10), std::log(1.05), 1e-12);
}

StratifiedEffect effect_with(double theta, std::uint64_t canaries) {
  const double sigma = 0.2;
  return {.theta = theta,
          .se_canary = sigma / std::sqrt(static_cast<double>(canaries)),
          .se_control = sigma / std::sqrt(1000.0),
          .freedom = static_cast<double>(canaries) - 1,
          .canaries = canaries,
          .controls = 1000};
}

TEST(NonInferiority, SoManyMoreCanariesBringTheBoundUnderTheMargin) {
  const auto effect = effect_with(0.02, 10);
  const auto more = canaries_to_pass(effect, 0.05, 0.10);
  ASSERT_TRUE(more);
  EXPECT_GE(bounds_of(effect, 0.05).upper, 0.10);
  EXPECT_LT(bounds_of(effect_with(0.02, 10 + *more), 0.05).upper, 0.1003);
  EXPECT_GE(bounds_of(effect_with(0.02, 10 + *more - 2), 0.05).upper, 0.10);
  EXPECT_EQ(canaries_to_pass(effect_with(0.02, 500), 0.05, 0.10), 0u);
}

TEST(NonInferiority, MoreCanariesDoNotHelpOverTheMarginNorAgainstFewControls) {
  EXPECT_FALSE(canaries_to_pass(effect_with(0.12, 10), 0.05, 0.10));
  auto few_controls = effect_with(0.02, 10);
  few_controls.se_control = 0.1;
  EXPECT_FALSE(canaries_to_pass(few_controls, 0.05, 0.10));
  EXPECT_FALSE(canaries_to_fail(effect_with(0.02, 10), 0.05, 0.05));
}

TEST(NonInferiority, FailingNeedsMoreDevicesTheNearerHarmIsToTheMargin) {
  const auto far = canaries_to_fail(effect_with(0.20, 5), 0.001, 0.05);
  const auto near = canaries_to_fail(effect_with(0.10, 5), 0.001, 0.05);
  ASSERT_TRUE(far && near);
  EXPECT_GT(*near, 4 * *far);
}

}  // namespace
}  // namespace argosy
