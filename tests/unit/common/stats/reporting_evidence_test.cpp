#include "common/stats/reporting_evidence.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "common/stats/failure_process.hpp"
#include "tests/unit/common/stats/golden.hpp"

namespace argosy {
namespace {

struct ReportingFleet {
  SilenceStep step;
  SilenceEvidence evidence{};

  // A window in which each device may fall silent.
  void pass(Rng& rng, double of_canaries, double of_controls) {
    step.silent_canaries = 0;
    step.silent_controls = 0;
    for (std::uint64_t i = 0; i < step.reporting_canaries; ++i) step.silent_canaries += rng.chance(of_canaries) ? 1 : 0;
    for (std::uint64_t i = 0; i < step.reporting_controls; ++i) step.silent_controls += rng.chance(of_controls) ? 1 : 0;
    evidence.add(step);
    step.reporting_canaries -= step.silent_canaries;
    step.reporting_controls -= step.silent_controls;
  }
};

TEST(SilenceEvidence, EqualsTheLikelihoodRatiosOfSciPy) {
  for (const auto& golden : golden_values("reporting")["runs"]) {
    SilenceEvidence evidence;
    for (const auto& s : golden["steps"]) evidence.add({s[0], s[1], s[2], s[3]});
    EXPECT_NEAR(evidence.ln_evidence(), golden["ln_evidence"].get<double>(), 1e-7) << golden;
  }
}

TEST(SilenceEvidence, NothingSilentOrNobodyToCompareIsNoEvidence) {
  SilenceEvidence evidence;
  EXPECT_EQ(evidence.ln_evidence(), 0);
  evidence.add({50, 450, 0, 0});
  evidence.add({50, 0, 9, 0});
  evidence.add({0, 450, 0, 9});
  EXPECT_EQ(evidence.ln_evidence(), 0);
  evidence.add({5, 10, 5, 10});
  EXPECT_NEAR(evidence.ln_evidence(), 0, 1e-9) << "all of both are gone";
  evidence.add({5, 10, 9, 99});
  EXPECT_NEAR(evidence.ln_evidence(), 0, 1e-9) << "more than there are";
}

TEST(SilenceEvidence, RarelyAlarmsWhileDevicesOfBothArmsFallSilentAlike) {
  const std::uint64_t seed = 61;
  Rng rng(seed);
  constexpr int trials = 200;
  int alarms = 0;
  for (int trial = 0; trial < trials; ++trial) {
    ReportingFleet fleet{.step = {20, 60, 0, 0}};
    bool alarmed = false;
    for (int window = 0; window < 25; ++window) {
      const double rate = window % 8 == 0 ? 0.1 : 0.01;
      fleet.pass(rng, rate, rate);
      alarmed = alarmed || is_evidence_enough(fleet.evidence.ln_evidence(), 0.05);
    }
    alarms += alarmed ? 1 : 0;
  }
  EXPECT_LE(alarms, 0.05 * trials + 4 * std::sqrt(0.05 * 0.95 * trials)) << "seed " << seed;
}

TEST(SilenceEvidence, FindsAFifthOfFiftyCanariesDyingAndNoFaultInControlsThatDie) {
  const std::uint64_t seed = 62;
  Rng rng(seed);
  constexpr int trials = 40;
  int found = 0;
  for (int trial = 0; trial < trials; ++trial) {
    ReportingFleet fleet{.step = {50, 200, 0, 0}};
    for (int window = 0; window < 20; ++window) fleet.pass(rng, 0.011, 0.0005);
    found += is_evidence_enough(fleet.evidence.ln_evidence(), 0.0125) ? 1 : 0;
  }
  EXPECT_GE(found, 0.9 * trials) << "seed " << seed;
  ReportingFleet other{.step = {50, 200, 0, 0}};
  for (int window = 0; window < 20; ++window) other.pass(rng, 0, 0.02);
  EXPECT_LT(other.evidence.ln_evidence(), 0) << "seed " << seed;
}

TEST(RatioEvidence, EqualsTheDirichletMultinomialOfSciPy) {
  for (const auto& golden : golden_values("reporting")["ratios"]) {
    const auto counts = golden["counts"].get<std::vector<std::uint64_t>>();
    const auto shares = golden["shares"].get<std::vector<double>>();
    EXPECT_NEAR(ln_ratio_evidence(counts, shares, golden["concentration"]).value(), golden["ln_evidence"].get<double>(),
                1e-8);
  }
}

TEST(RatioEvidence, RarelyAlarmsOnDevicesDealtAsTheyShouldBe) {
  const std::uint64_t seed = 63;
  Rng rng(seed);
  constexpr int trials = 300;
  int alarms = 0;
  int found = 0;
  for (int trial = 0; trial < trials; ++trial) {
    for (const double share : {0.1, 0.25}) {
      std::vector<std::uint64_t> counts{0, 0};
      bool alarmed = false;
      for (int device = 0; device < 300 && !alarmed; ++device) {
        ++counts[rng.chance(share) ? 0 : 1];
        alarmed = device % 3 == 0 && ln_ratio_evidence(counts, std::vector<double>{0.1, 0.9}).value() >= std::log(20);
      }
      (share == 0.1 ? alarms : found) += alarmed ? 1 : 0;
    }
  }
  EXPECT_LE(alarms, 0.05 * trials + 4 * std::sqrt(0.05 * 0.95 * trials)) << "seed " << seed;
  EXPECT_GE(found, 0.95 * trials) << "seed " << seed;
}

TEST(RatioEvidence, RefusesSharesThatAreNone) {
  const std::vector<std::uint64_t> counts{1, 2};
  EXPECT_EQ(ln_ratio_evidence(counts, std::vector<double>{0.5}).error().code, Errc::invalid_argument);
  EXPECT_FALSE(ln_ratio_evidence(counts, std::vector<double>{0.5, 0.6}));
  EXPECT_FALSE(ln_ratio_evidence(counts, std::vector<double>{0, 1}));
  EXPECT_FALSE(ln_ratio_evidence(counts, std::vector<double>{0.5, 0.5}, 0));
  EXPECT_EQ(ln_ratio_evidence(std::vector<std::uint64_t>{0, 0}, std::vector<double>{0.5, 0.5}).value(), 0);
}

}  // namespace
}  // namespace argosy
