#include "common/stats/spending.hpp"

#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "common/stats/tails.hpp"
#include "tests/unit/common/stats/golden.hpp"

namespace argosy {
namespace {

const std::vector<double> five_looks{0.2, 0.4, 0.6, 0.8, 1};

void expect_boundaries(SpendingType type, const std::vector<double>& published) {
  const auto boundaries = spending_boundaries(type, 0.025, five_looks).value();
  ASSERT_EQ(boundaries.size(), published.size());
  for (std::size_t i = 0; i < published.size(); ++i) EXPECT_NEAR(boundaries[i].z, published[i], 1.5e-4) << i;
}

// Two-sided 0.05 at five equal looks, as of Lan and DeMets' own programs (D. M. Reboussin et al., Control. Clin. Trials
// 21, 2000) and the R package ldbounds; their integration is good for 0.0001. One side of it is one-sided 0.025.
TEST(Spending, BoundariesEqualThePublishedOnes) {
  expect_boundaries(SpendingType::obrien_fleming, {4.8769, 3.3569, 2.6803, 2.2898, 2.0310});
  expect_boundaries(SpendingType::pocock, {2.4380, 2.4268, 2.4101, 2.3966, 2.3859});
}

TEST(Spending, BoundariesAndPowerEqualThoseOfAnotherIntegration) {
  for (const auto& golden : golden_values("spending")["cases"]) {
    const auto type = golden["type"] == "pocock" ? SpendingType::pocock : SpendingType::obrien_fleming;
    const auto boundaries =
        spending_boundaries(type, golden["alpha"], golden["fractions"].get<std::vector<double>>()).value();
    const auto crossed = crossing_probabilities(boundaries, 3);
    for (std::size_t i = 0; i < boundaries.size(); ++i) {
      EXPECT_NEAR(boundaries[i].z, golden["z"][i].get<double>(), 2e-6) << golden << i;
      EXPECT_NEAR(crossed[i], golden["crossed_at_drift_3"][i].get<double>(), 2e-6) << golden << i;
    }
  }
}

TEST(Spending, AllOfAlphaIsSpentAtTheEndAndNothingBefore) {
  for (const auto type : {SpendingType::obrien_fleming, SpendingType::pocock}) {
    EXPECT_EQ(alpha_spent(type, 0.05, 0), 0);
    EXPECT_EQ(alpha_spent(type, 0.05, 1), 0.05);
    EXPECT_EQ(alpha_spent(type, 0.05, 1.2), 0.05) << "the dwell was longer than planned";
    std::vector<double> fractions(30);
    for (std::size_t i = 0; i < fractions.size(); ++i) fractions[i] = static_cast<double>(i + 1) / 30;
    const auto boundaries = spending_boundaries(type, 0.05, fractions).value();
    EXPECT_NEAR(boundaries.back().spent, 0.05, 1e-12);
    const auto crossed = crossing_probabilities(boundaries, 0);
    EXPECT_NEAR(std::accumulate(crossed.begin(), crossed.end(), 0.0), 0.05, 1e-8);
  }
}

TEST(Spending, EarlierBoundariesDoNotDependOnLaterLooks) {
  const auto all = spending_boundaries(SpendingType::pocock, 0.05, five_looks).value();
  const auto some = spending_boundaries(SpendingType::pocock, 0.05, std::span(five_looks).first(2)).value();
  EXPECT_NEAR(some[1].z, all[1].z, 1e-7);
}

TEST(Spending, TheFirstOfManyDoublingLooksHaveNothingToSpend) {
  std::vector<double> fractions;
  for (int k = 0; k <= 10; ++k) fractions.push_back(std::ldexp(1, k - 10));
  const auto boundaries = spending_boundaries(SpendingType::obrien_fleming, 0.05, fractions).value();
  EXPECT_TRUE(std::isinf(boundaries[0].z));
  EXPECT_EQ(boundaries[0].alpha, 0);
  EXPECT_NEAR(boundaries.back().spent, 0.05, 1e-12);
  EXPECT_NEAR(boundaries.back().z, normal_point(0.05), 0.1);
}

TEST(Spending, RefusesLooksThatAreNone) {
  EXPECT_FALSE(spending_boundaries(SpendingType::pocock, 0.05, {}));
  EXPECT_FALSE(spending_boundaries(SpendingType::pocock, 0, five_looks));
  EXPECT_FALSE(spending_boundaries(SpendingType::pocock, 0.05, std::vector<double>{0.5, 0.5}));
  EXPECT_FALSE(spending_boundaries(SpendingType::pocock, 0.05, std::vector<double>{0.5, 1.1}));
  EXPECT_FALSE(spending_boundaries(SpendingType::pocock, 0.05, std::vector<double>(101, 0.5)));
  EXPECT_EQ(spending_boundaries(SpendingType::pocock, 0.7, five_looks).error().code, Errc::invalid_argument);
}

TEST(Spending, AWalkIsTooHighAsOftenAsAlphaSays) {
  const std::uint64_t seed = 23;
  Rng rng(seed);
  const auto boundaries = spending_boundaries(SpendingType::pocock, 0.05, five_looks).value();
  constexpr int trials = 10'000;
  int too_high = 0;
  for (int trial = 0; trial < trials; ++trial) {
    double score = 0;
    bool crossed = false;
    for (const auto& look : boundaries) {
      score += rng.normal() * std::sqrt(0.2);
      crossed = crossed || score / std::sqrt(look.fraction) > look.z;
    }
    too_high += crossed ? 1 : 0;
  }
  EXPECT_NEAR(too_high, 0.05 * trials, 4 * std::sqrt(0.05 * 0.95 * trials)) << "seed " << seed;
}

}  // namespace
}  // namespace argosy
