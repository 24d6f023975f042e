#include "common/stats/non_inferiority.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace argosy {
namespace {

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
