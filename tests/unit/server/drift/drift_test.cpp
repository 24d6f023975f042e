#include "server/drift/drift.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

DriftMeasures measured(double psi, std::uint64_t samples) {
  DriftMeasures measures;
  measures.psi = psi;
  measures.samples = samples;
  return measures;
}

TEST(DriftRule, OpensAtTheThresholdAndClosesOnlyWellUnderIt) {
  const DriftRule rule;
  EXPECT_FALSE(judge_drift(rule, measured(0.19, 1000), false));
  EXPECT_TRUE(judge_drift(rule, measured(0.20, 1000), false));
  EXPECT_TRUE(judge_drift(rule, measured(0.16, 1000), true));
  EXPECT_FALSE(judge_drift(rule, measured(0.14, 1000), true));
}

TEST(DriftRule, TooFewSamplesChangeNothing) {
  const DriftRule rule;
  EXPECT_FALSE(judge_drift(rule, measured(5, 299), false));
  EXPECT_TRUE(judge_drift(rule, measured(0, 299), true));
}

TEST(DriftRule, AllowsForWhatSamplingAloneGives) {
  const DriftRule rule;
  DriftMeasures measures = measured(0.25, 400);
  measures.sampling_psi = 0.07;
  EXPECT_FALSE(judge_drift(rule, measures, false));
  measures.psi = 0.28;
  EXPECT_TRUE(judge_drift(rule, measures, false));
}

TEST(DriftScope, PeersTellALensFromASeason) {
  const DriftRule rule;
  EXPECT_EQ(scope_of(rule, true, {0.01, 0.02, 0.05, 0.3, 0.01}), DriftScope::device);
  EXPECT_EQ(scope_of(rule, true, {0.4, 0.5, 0.3, 0.3, 0.01}), DriftScope::fleet);
  EXPECT_EQ(scope_of(rule, true, {0.01, 0.01, 0.01, 0.01}), DriftScope::unknown);
  EXPECT_EQ(scope_of(rule, false, {0.4, 0.5, 0.3, 0.3, 0.3}), DriftScope::none);
}

TEST(Drift, MeasuresTheWholeSet) {
  const auto measures = measure({0, 1, 2}, {0, 50, 50, 0, 0}, {0, 0, 100, 0, 0});
  EXPECT_EQ(measures.samples, 100u);
  EXPECT_GT(measures.psi, 1);
  EXPECT_GT(measures.jensen_shannon, 0.2);
  EXPECT_NEAR(measures.kolmogorov_smirnov, 0.5, 1e-12);
  ASSERT_TRUE(measures.wasserstein_over_sd);
  EXPECT_NEAR(measures.sampling_psi, (2 - 1) * (1.0 / 100 + 1.0 / 100), 1e-12);
}

TEST(Drift, IsToldInOneSentence) {
  const DriftRule rule;
  EXPECT_EQ(describe_drift(rule, "sharpness", measured(0.1, 20), false, DriftScope::none),
            "\"sharpness\" has 20 of the 300 samples that a verdict needs");
  EXPECT_EQ(describe_drift(rule, "sharpness", measured(1.234, 600), true, DriftScope::device),
            "\"sharpness\" no longer looks as it did in training (PSI 1.23 over 600 samples), and other devices do not "
            "show it: look at this device's sensor");
}

}  // namespace
}  // namespace argosy::server
