#include "common/stats/reach.hpp"

#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "common/stats/looks.hpp"
#include "common/stats/stratified_effect.hpp"
#include "tests/unit/common/stats/golden.hpp"

namespace argosy {
namespace {

using Sizes = std::vector<std::uint64_t>;
using Strata = std::vector<StratumSize>;

TEST(Reach, ThreeOfTenCanNeverRejectForOneOfFourGuards) {
  const double alpha = alpha_of_guard(0.05, 1, 4);
  EXPECT_EQ(permutation_reach(Strata{{10, 3}}, alpha).looks, 0);
  EXPECT_EQ(permutation_reach(Strata{{10, 3}}, 0.05).looks, 2) << "one guard alone";
  EXPECT_EQ(permutation_reach(Strata{{20, 4}}, alpha).looks, 7);
  EXPECT_NEAR(permutation_reach(Strata{{10, 3}}, alpha).least_p, 1.0 / 120, 1e-15);
  EXPECT_EQ(permutation_reach(Strata{{10, 0}}, alpha).looks, 0);
}

TEST(Reach, SaysHowManyToTakeAtLeast) {
  const double alpha = alpha_of_guard(0.05, 1, 4);
  EXPECT_EQ(least_canary(Sizes{10}, alpha), 4u) << "1/210 is within 0.0125/2";
  EXPECT_EQ(least_canary(Sizes{20}, alpha, 7), 4u);
  EXPECT_EQ(least_canary(Sizes{6}, alpha), std::nullopt) << "1/20 at best";
  EXPECT_EQ(least_canary(Sizes{100'000}, alpha), 1u);
  EXPECT_EQ(least_canary({}, alpha), std::nullopt);
  const auto of_classes = least_canary(Sizes{5, 5, 5, 5}, alpha);
  ASSERT_TRUE(of_classes);
  EXPECT_LE(least_permutation_p(dealt_canaries(Sizes{5, 5, 5, 5}, *of_classes)), alpha / 2);
  EXPECT_GT(least_permutation_p(dealt_canaries(Sizes{5, 5, 5, 5}, *of_classes - 1)), alpha / 2);
}

TEST(Reach, CanariesAreDealtToEachClassInItsProportion) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Rng rng(seed);
    Sizes sizes(1 + rng.below(8));
    for (auto& size : sizes) size = 1 + rng.below(3000);
    const auto all = std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0});
    const auto canaries = 1 + rng.below(all);
    std::uint64_t dealt = 0;
    for (const auto& stratum : dealt_canaries(sizes, canaries)) {
      const double quota = static_cast<double>(stratum.devices * canaries) / static_cast<double>(all);
      ASSERT_NEAR(static_cast<double>(stratum.canaries), quota, 1.5) << "seed " << seed;
      dealt += stratum.canaries;
    }
    ASSERT_EQ(dealt, canaries) << "seed " << seed;
  }
  const auto few = dealt_canaries(Sizes{9, 3}, 3);
  EXPECT_EQ(few[0].canaries, 2u);
  EXPECT_EQ(few[1].canaries, 1u);
  EXPECT_EQ(dealt_canaries(Sizes{2, 1}, 9)[0].canaries, 2u) << "all there are";
}

TEST(Reach, PowerAndVisibleExcessEqualSciPysNoncentralT) {
  for (const auto& golden : golden_values("reach")["cases"]) {
    const auto canaries = golden["canaries"].get<std::uint64_t>();
    const Strata strata{{canaries + golden["controls"].get<std::uint64_t>(), canaries}};
    const double alpha = golden["alpha"];
    EXPECT_NEAR(power_of(strata, 1, 0.5, alpha), golden["power_at_0.5"].get<double>(), 1e-8);
    EXPECT_NEAR(power_of(strata, 0.2, 0.1, alpha), golden["power_at_0.5"].get<double>(), 1e-8);
    EXPECT_NEAR(visible_excess(strata, 1, 0.8, alpha), golden["excess_at_0.8"].get<double>(), 1e-6);
    EXPECT_NEAR(visible_excess(strata, 1, 0.95, alpha), golden["excess_at_0.95"].get<double>(), 1e-6);
  }
}

TEST(Reach, WhatIsVisibleIsSeenAsOftenAsSaid) {
  const std::uint64_t seed = 71;
  Rng rng(seed);
  const Strata strata{{20, 5}, {30, 6}};
  const double excess = visible_excess(strata, 0.3, 0.8, 0.01);
  constexpr int trials = 1500;
  int seen = 0;
  for (int trial = 0; trial < trials; ++trial) {
    StratifiedSums sums;
    for (std::uint32_t h = 0; h < strata.size(); ++h)
      for (std::uint64_t i = 0; i < strata[h].devices; ++i) {
        const bool is_canary = i < strata[h].canaries;
        sums.add(h, is_canary ? Arm::canary : Arm::control, 0.3 * rng.normal() + (is_canary ? excess : 0));
      }
    seen += bounds_of(stratified_effect(sums).value(), 0.01).lower > 0 ? 1 : 0;
  }
  EXPECT_NEAR(seen, 0.8 * trials, 4 * std::sqrt(0.8 * 0.2 * trials)) << "seed " << seed;
}

TEST(Reach, MoreWindowsShowLessHarmUntilDevicesThemselvesDiffer) {
  const ChangeSpread spread{.device = 0.05, .window = 0.2, .windows_that_count_as_one = 4};
  EXPECT_NEAR(sigma_of_change(spread, 1), std::hypot(0.05, 0.2), 1e-12);
  EXPECT_NEAR(sigma_of_change(spread, 400), std::hypot(0.05, 0.02), 1e-12);
  const Strata strata{{100, 10}};
  const auto early = visible_within(strata, spread, 4, 0.8, 0.0125);
  const auto later = visible_within(strata, spread, 256, 0.8, 0.0125);
  EXPECT_LT(later.excess, early.excess / 2);
  EXPECT_GT(later.look, early.look);
  EXPECT_GT(visible_within(strata, spread, 256, 0.95, 0.0125).excess, later.excess);
  EXPECT_EQ(visible_within(strata, spread, 0, 0.8, 0.0125).look, 0);
  EXPECT_TRUE(std::isinf(visible_within(Strata{{10, 10}}, spread, 4, 0.8, 0.0125).excess)) << "no controls";
  const ChangeSpread steady{.device = 0.1};
  EXPECT_EQ(visible_within(strata, steady, 1000, 0.8, 0.0125).look, 1) << "later looks spend less and know no more";
}

TEST(Reach, SoManyCanariesSeeSoMuchHarm) {
  const ChangeSpread spread{.device = 0.1, .window = 0.1, .windows_that_count_as_one = 2};
  const Sizes fleet{600, 300, 100};
  for (const double excess : {0.03, 0.05, 0.15}) {
    const auto canaries = canaries_to_see(fleet, spread, 288, excess, 0.8, 0.0125);
    ASSERT_TRUE(canaries) << excess;
    EXPECT_LE(visible_within(dealt_canaries(fleet, *canaries), spread, 288, 0.8, 0.0125).excess, excess * (1 + 1e-6));
    EXPECT_GT(visible_within(dealt_canaries(fleet, *canaries - 1), spread, 288, 0.8, 0.0125).excess, excess);
  }
  EXPECT_FALSE(canaries_to_see(fleet, spread, 288, 0.001, 0.8, 0.0125));
  EXPECT_FALSE(canaries_to_see(fleet, spread, 0, 0.5, 0.8, 0.0125)) << "no look is due";
}

}  // namespace
}  // namespace argosy
