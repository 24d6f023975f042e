#include "common/stats/failure_process.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "common/stats/tails.hpp"
#include "tests/unit/common/stats/golden.hpp"

namespace argosy {
namespace {

TEST(FailureProcess, EqualsTheIntegralOverTheSharesBeyondTheLimit) {
  for (const auto& golden : golden_values("failures")["cases"]) {
    const FailureLimit limit{.share = golden[0]};
    EXPECT_NEAR(ln_failure_evidence(limit, golden[1], golden[2]), golden[3].get<double>(), 1e-7) << golden;
  }
}

// Without the cut at p0 the mixture is the two-sided one: the two differ by what lies over it, before and after.
TEST(FailureProcess, IsTheTwoSidedProcessOfVilleCutAtTheLimit) {
  for (const auto& golden : golden_values("failures")["two_sided_by_ville_0.1.0"]) {
    const double p0 = golden[0];
    const double s = golden[1];
    const double f = golden[2];
    const double cut = ln_beta_tail(p0, 0.5 + s, 0.5 + f) - ln_beta_tail(p0, 0.5, 0.5);
    EXPECT_NEAR(ln_failure_evidence({.share = p0}, golden[1], golden[2]) - cut, golden[3].get<double>(), 1e-10);
  }
}

TEST(FailureProcess, ThreeOfTenFiveOfFiftyAndSixOfAHundredAreTooManyForOnePercent) {
  const FailureLimit limit{.share = 0.01};
  EXPECT_EQ(least_rejecting_failures(limit, 10, 0.05), 3u);
  EXPECT_EQ(least_rejecting_failures(limit, 50, 0.05), 5u);
  EXPECT_EQ(least_rejecting_failures(limit, 100, 0.05), 6u);
  EXPECT_EQ(least_rejecting_failures({.share = 0.5}, 2, 0.05), std::nullopt);
  EXPECT_EQ(least_rejecting_failures(limit, 0, 0.05), std::nullopt);
  EXPECT_EQ(least_rejecting_failures(limit, 1, 0.05), 1u) << "the very first one fails once in a hundred at most";
  EXPECT_EQ(least_rejecting_failures(limit, 3, 0.05), 2u);
}

TEST(FailureProcess, StaysANumberHoweverManyDevicesDoWell) {
  const FailureLimit limit{.share = 0.01};
  double before = 0;
  for (std::uint64_t successes = 1; successes < 100'000'000; successes = successes * 3 / 2 + 1) {
    const double evidence = ln_failure_evidence(limit, 0, successes);
    ASSERT_TRUE(std::isfinite(evidence)) << successes;
    ASSERT_LT(evidence, before) << successes;
    before = evidence;
  }
  EXPECT_TRUE(std::isfinite(ln_failure_evidence(limit, 100'000'000, 0)));
  EXPECT_EQ(ln_failure_evidence(limit, 0, 0), 0);
  EXPECT_TRUE(std::isnan(ln_failure_evidence({.share = 0}, 1, 1)));
}

TEST(FailureProcess, NextDevicesAreFairBetsAtTheLimit) {
  for (const double share : {0.01, 0.2})
    for (std::uint64_t s = 0; s < 5; ++s)
      for (std::uint64_t f = 0; f < 40; f += 7) {
        const FailureLimit limit{.share = share};
        const double now = ln_failure_evidence(limit, s, f);
        const double next = share * std::exp(ln_failure_evidence(limit, s + 1, f) - now) +
                            (1 - share) * std::exp(ln_failure_evidence(limit, s, f + 1) - now);
        ASSERT_NEAR(next, 1, 1e-9) << share << ", " << s << " of " << s + f;
      }
}

TEST(FailureProcess, RarelyAlarmsAtTheLimitThoughAskedAfterEachDevice) {
  const std::uint64_t seed = 41;
  Rng rng(seed);
  const FailureLimit limit{.share = 0.05};
  constexpr int trials = 500;
  constexpr int devices = 200;
  int alarms = 0;
  int found = 0;
  for (int trial = 0; trial < trials; ++trial) {
    for (const double share : {0.05, 0.2}) {
      std::uint64_t failures = 0;
      bool alarmed = false;
      for (std::uint64_t seen = 1; seen <= devices && !alarmed; ++seen) {
        const bool failed = rng.chance(share);
        failures += failed ? 1 : 0;
        alarmed = failed && is_evidence_enough(ln_failure_evidence(limit, failures, seen - failures), 0.05);
      }
      (share == limit.share ? alarms : found) += alarmed ? 1 : 0;
    }
  }
  EXPECT_LE(alarms, 0.05 * trials + 4 * std::sqrt(0.05 * 0.95 * trials)) << "seed " << seed;
  EXPECT_GE(found, 0.98 * trials) << "seed " << seed;
}

TEST(FailureProcess, APValueThatHoldsAtAnyTimeIsOneOverTheEvidence) {
  EXPECT_EQ(anytime_p_value(-3), 1);
  EXPECT_NEAR(anytime_p_value(std::log(40)), 0.025, 1e-12);
  EXPECT_TRUE(is_evidence_enough(std::log(20.1), 0.05));
  EXPECT_FALSE(is_evidence_enough(std::log(19.9), 0.05));
}

}  // namespace
}  // namespace argosy
