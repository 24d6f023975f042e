#include "common/stats/mean_sequence.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "tests/unit/common/stats/golden.hpp"

namespace argosy {
namespace {

TEST(MeanSequence, BoundaryEqualsThatOfConfseq) {
  const auto golden = golden_values("sequences");
  for (const auto& g : golden["bounds"])
    EXPECT_NEAR(mixture_boundary(g[0], g[1], {.variance = g[2], .alpha = g[3]}), g[4].get<double>(), 1e-7) << g;
}

TEST(MeanSequence, EqualsABookkeepingOfAllItsValues) {
  const auto golden = golden_values("sequences")["series"];
  MeanSequence sequence;
  std::size_t at = 0;
  for (const double value : golden["values"]) {
    sequence.add(value);
    if (sequence.count() != golden["at"][at].get<std::uint64_t>()) continue;
    EXPECT_NEAR(sequence.mean(), golden["mean"][at].get<double>(), 1e-12);
    EXPECT_NEAR(sequence.deviations(), golden["deviations"][at].get<double>(), 1e-12);
    EXPECT_NEAR(sequence.lower(0.025), golden["lower"][at].get<double>(), 1e-8);
    EXPECT_NEAR(sequence.upper(0.025), golden["upper"][at].get<double>(), 1e-8);
    ++at;
  }
  EXPECT_EQ(at, golden["at"].size());
}

TEST(MeanSequence, EvidenceAndBoundAreTwoSidesOfOneThing) {
  for (const auto& g : golden_values("sequences")["bounds"]) {
    const SequenceTuning tuning{.variance = g[2], .alpha = g[3]};
    MeanSequence sequence;
    for (int i = 0; i < 50; ++i) sequence.add(i % 3 == 0 ? 0.4 : 0.9);
    const double lower = sequence.lower(0.05, tuning);
    EXPECT_GE(sequence.ln_evidence_over(lower - 1e-6, tuning), std::log(20));
    EXPECT_LE(sequence.ln_evidence_over(lower + 1e-6, tuning), std::log(20));
    EXPECT_LT(sequence.ln_evidence_over(0.95, tuning), 0);
  }
}

TEST(MeanSequence, LabelsOfAWindowAreAsManyValues) {
  MeanSequence one_by_one;
  MeanSequence at_once;
  for (const int value : {1, 0, 1, 1}) {
    one_by_one.add(value);
    at_once.add_labels(value == 1 ? 1 : 0, 1);
  }
  EXPECT_NEAR(one_by_one.deviations(), at_once.deviations(), 1e-12);
  at_once.add_labels(18, 20);
  EXPECT_EQ(at_once.count(), 24u);
  EXPECT_EQ(at_once.mean(), 21.0 / 24);
  EXPECT_NEAR(at_once.deviations() - one_by_one.deviations(), 18 * 0.3 * 0.3 + 2 * 0.7 * 0.7, 1e-12);
  at_once.add_labels(9, 0);
  EXPECT_EQ(at_once.count(), 24u);
}

TEST(MeanSequence, ADayOfLabelsShowsTwoPointsOfAccuracyOnFiftyDevicesOfFiveHundred) {
  MeanSequence canary;
  MeanSequence control;
  for (int hour = 0; hour < 24; ++hour) {
    canary.add_labels(440, 500);
    control.add_labels(4050, 4500);
  }
  const auto harm = harm_between(canary, control, WorseWhen::lower, 0.05, {.variance = 500, .alpha = 0.0125});
  EXPECT_GT(harm.lower, 0.004);
  EXPECT_LT(harm.upper, 0.036);
}

TEST(MeanSequence, CoversTheAccuracyOfLabelsThatComeInBatches) {
  const std::uint64_t seed = 53;
  Rng rng(seed);
  constexpr int trials = 200;
  int missed = 0;
  for (int trial = 0; trial < trials; ++trial) {
    MeanSequence sequence;
    bool is_missed = false;
    for (int window = 0; window < 60; ++window) {
      const auto labels = rng.below(12);
      std::uint64_t right = 0;
      for (std::uint64_t i = 0; i < labels; ++i) right += rng.chance(0.9) ? 1 : 0;
      sequence.add_labels(right, labels);
      is_missed = is_missed || (sequence.count() > 0 && sequence.ln_evidence_over(0.9) >= std::log(20));
    }
    missed += is_missed ? 1 : 0;
  }
  EXPECT_LE(missed, 0.05 * trials + 4 * std::sqrt(0.05 * 0.95 * trials)) << "seed " << seed;
}

TEST(MeanSequence, WithoutValuesItKnowsNothingAndOddOnesDoNoHarm) {
  MeanSequence sequence;
  EXPECT_EQ(sequence.lower(0.05), 0);
  EXPECT_EQ(sequence.upper(0.05), 1);
  sequence.add(NAN);
  EXPECT_EQ(sequence.count(), 0u);
  sequence.add(3);
  sequence.add(-1);
  EXPECT_EQ(sequence.mean(), 0.5);
  for (int i = 0; i < 5000; ++i) sequence.add(1);
  EXPECT_GT(sequence.lower(0.001), 0.99);
  EXPECT_EQ(sequence.upper(0.001), 1);
  EXPECT_EQ(MeanSequence{}.ln_evidence_over(0.5), MeanSequence{}.ln_evidence_over(0.9)) << "of nothing";
}

// A mean that moves with the hour, and values that hang together.
double next_value(Rng& rng, double& state, int hour, double offset, double& expected) {
  expected = 0.8 + offset + 0.1 * std::sin(hour / 24.0) + 0.5 * state;
  const double value = expected + 0.05 * (rng.uniform() - 0.5);
  state = value - (0.8 + offset + 0.1 * std::sin(hour / 24.0));
  return value;
}

TEST(MeanSequence, CoversAMeanThatMovesAtAllTimes) {
  const std::uint64_t seed = 51;
  Rng rng(seed);
  constexpr int trials = 300;
  int missed = 0;
  for (int trial = 0; trial < trials; ++trial) {
    MeanSequence sequence;
    double state = 0;
    double sum_expected = 0;
    bool is_missed = false;
    for (int hour = 1; hour <= 200; ++hour) {
      double expected = 0;
      sequence.add(next_value(rng, state, hour, 0, expected));
      sum_expected += expected;
      is_missed = is_missed || sequence.ln_evidence_over(sum_expected / hour) >= std::log(20);
    }
    missed += is_missed ? 1 : 0;
  }
  EXPECT_LE(missed, 0.05 * trials + 4 * std::sqrt(0.05 * 0.95 * trials)) << "seed " << seed;
}

TEST(MeanSequence, TwoArmsSeeALossOfAccuracyAndNoneWhereThereIsNone) {
  const std::uint64_t seed = 52;
  Rng rng(seed);
  int alarms = 0;
  for (int trial = 0; trial < 40; ++trial) {
    MeanSequence canary;
    MeanSequence control;
    MeanSequence worse;
    double expected = 0;
    double states[3] = {};
    for (int hour = 1; hour <= 240; ++hour) {
      canary.add(next_value(rng, states[0], hour, 0, expected));
      control.add(next_value(rng, states[1], hour, 0, expected));
      worse.add(next_value(rng, states[2], hour, -0.15, expected));
    }
    const auto equal = harm_between(canary, control, WorseWhen::lower, 0.05);
    ASSERT_LT(equal.upper, 0.15) << "seed " << seed;
    alarms += equal.lower > 0 ? 1 : 0;
    const auto lost = harm_between(worse, control, WorseWhen::lower, 0.05);
    ASSERT_GT(lost.lower, 0.02) << "seed " << seed;
    ASSERT_LT(lost.lower, 0.15);
    ASSERT_GT(lost.upper, 0.15);
    const auto other_way = harm_between(worse, control, WorseWhen::higher, 0.05);
    ASSERT_EQ(other_way.lower, -lost.upper);
  }
  EXPECT_LE(alarms, 7) << "seed " << seed;
}

}  // namespace
}  // namespace argosy
