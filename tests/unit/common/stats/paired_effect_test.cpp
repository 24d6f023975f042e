#include "common/stats/paired_effect.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.hpp"

namespace argosy {
namespace {

// Differences in height, in eighths of an inch, of Darwin's 15 pairs of plants. Fisher, "The Design of Experiments",
// sections 17 and 21: t = 2.148 with 14 degrees of freedom; 863 of 32,768 ways to turn the signs give as large a sum.
const std::vector<double> plants = {49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48};

TEST(PairedEffect, IsFishersOfDarwinsPlants) {
  const auto effect = paired_effect(plants).value();
  EXPECT_NEAR(effect.theta / effect.se(), 2.148, 5e-4);
  EXPECT_EQ(effect.freedom, 14);
  EXPECT_EQ(effect.canaries, 15U);
  EXPECT_FALSE(wants_sign_flips(plants));
  const auto test = sign_flip_test(plants, 0, {.exact_up_to = 40'000}).value();
  EXPECT_TRUE(test.is_exact);
  EXPECT_EQ(test.draws, 32'768U);
  EXPECT_EQ(test.as_large, 863U);
}

TEST(PairedEffect, DrawsComeNearToTheExactPValueAndAreTheSameForTheSameSeed) {
  const PermutationPlan plan{.seed = 5, .most_draws = 40'000, .enough = 0, .exact_up_to = 0};
  const auto test = sign_flip_test(plants, 0, plan).value();
  EXPECT_FALSE(test.is_exact);
  EXPECT_NEAR(test.p, 863.0 / 32'768, 0.003);
  EXPECT_EQ(sign_flip_test(plants, 0, plan)->p, test.p);
}

TEST(PairedEffect, TheMarginIsTakenOffFirst) {
  const std::vector<double> tenths = {0.1, 0.2, 0.3, 0.4};
  EXPECT_NEAR(sign_flip_test(tenths, 0, {})->p, 1.0 / 16, 1e-12);
  EXPECT_EQ(sign_flip_test(tenths, 0.05, {})->p, 1.0 / 16);
  EXPECT_EQ(sign_flip_test(tenths, 0.5, {})->p, 1);
}

TEST(PairedEffect, FewDevicesOrWildOnesWantSigns) {
  EXPECT_TRUE(wants_sign_flips(std::vector<double>(9, 0.1)));
  EXPECT_FALSE(wants_sign_flips({{-0.2, 0.1, 0.2, 0.3, -0.1, 0, 0.1, 0.2, -0.3, 0.1}}));
  std::vector<double> wild(30, 0);
  wild[3] = 1;
  EXPECT_TRUE(wants_sign_flips(wild));
}

TEST(PairedEffect, NeedsTwoDevicesAndLeavesOutWhatIsNoNumber) {
  EXPECT_FALSE(paired_effect({}));
  EXPECT_FALSE(paired_effect(std::vector<double>{0.1}));
  const std::vector<double> with_none = {0.1, std::numeric_limits<double>::quiet_NaN(), 0.3};
  EXPECT_EQ(paired_effect(with_none)->canaries, 2U);
  EXPECT_NEAR(paired_effect(with_none)->theta, 0.2, 1e-12);
  EXPECT_FALSE(sign_flip_test({}, 0, {}));
}

TEST(PairedEffect, DevicesThatAllShowTheSameAreNoSurerThanTheFigureIsFine) {
  const std::vector<double> same(16, 0.01);
  EXPECT_EQ(paired_effect(same)->se(), 0);
  EXPECT_NEAR(paired_effect(same, 0.004)->se(), 0.001, 1e-12);
}

// Of nine devices without any difference but chance, a look at alpha is wrong no more often than alpha.
TEST(PairedEffect, SignsThatMeanNothingAreRejectedAsOftenAsTheyMay) {
  Rng rng(11);
  int rejected = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<double> noise(9);
    for (double& value : noise) value = std::tan(3.14159265 * (rng.uniform() - 0.5));
    rejected += sign_flip_test(noise, 0, {})->p <= 0.05 ? 1 : 0;
  }
  EXPECT_NEAR(rejected / 2000.0, 0.05, 0.015);
}

}  // namespace
}  // namespace argosy
