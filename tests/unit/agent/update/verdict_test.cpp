#include "agent/update/verdict.hpp"

#include <gtest/gtest.h>

namespace argosy::agent {
namespace {

using Choice = ProbationVerdict::Choice;
using End = RunnerReport::End;
using namespace std::chrono_literals;

wire::ValidationSpec accuracy_of(double threshold) {
  wire::ValidationSpec spec;
  spec.dataset = wire::BlobRef{std::string(64, 'a'), 10};
  spec.threshold = threshold;
  return spec;
}

RunnerReport measured(double value, double p95_ms = 1) {
  RunnerReport report;
  report.ok = true;
  report.value = value;
  report.latency_p95_ms = p95_ms;
  return report;
}

RunnerReport ended(End end, std::string error_type = "") {
  RunnerReport report;
  report.end = end;
  report.error_type = std::move(error_type);
  return report;
}

TEST(JudgeValidation, ComparesInTheMetricsDirection) {
  wire::ValidationSpec spec = accuracy_of(0.9);
  EXPECT_TRUE(judge_validation(spec, measured(0.9)).passed);
  EXPECT_EQ(judge_validation(spec, measured(0.89)).cause, "validate_rejected");
  spec.higher_is_better = false;
  EXPECT_TRUE(judge_validation(spec, measured(0.89)).passed);
  EXPECT_EQ(judge_validation(spec, measured(0.91)).cause, "validate_rejected");
}

TEST(JudgeValidation, TheDevicesOwnDataHasToMeetTheThresholdToo) {
  RunnerReport report = measured(0.95);
  report.local_value = 0.9;
  EXPECT_TRUE(judge_validation(accuracy_of(0.9), report).passed);
  report.local_value = 0.85;
  const auto outcome = judge_validation(accuracy_of(0.9), report);
  EXPECT_EQ(outcome.cause, "validate_rejected");
  EXPECT_EQ(outcome.message, "accuracy on the device's own data is 0.85; at least 0.9 is asked for");
}

TEST(JudgeValidation, RefusesASlowModel) {
  wire::ValidationSpec spec = accuracy_of(0.9);
  spec.max_latency_ms = 5;
  EXPECT_TRUE(judge_validation(spec, measured(0.95, 5)).passed);
  EXPECT_EQ(judge_validation(spec, measured(0.95, 5.1)).cause, "validate_rejected");
}

TEST(JudgeValidation, NamesHowTheRunnerEnded) {
  const wire::ValidationSpec spec = accuracy_of(0.9);
  EXPECT_EQ(judge_validation(spec, ended(End::crashed)).cause, "validate_crashed");
  EXPECT_EQ(judge_validation(spec, ended(End::timed_out)).cause, "validate_timeout");
  EXPECT_EQ(judge_validation(spec, ended(End::finished, "malformed-model")).cause, "malformed_model");
  EXPECT_EQ(judge_validation(spec, ended(End::finished, "out-of-memory")).cause, "validate_crashed");
  EXPECT_EQ(judge_validation(spec, ended(End::finished, "timeout")).cause, "validate_timeout");
  EXPECT_TRUE(judge_validation(spec, ended(End::crashed)).models_fault);
  EXPECT_FALSE(judge_validation(spec, ended(End::not_started)).models_fault);
  EXPECT_FALSE(judge_validation(spec, ended(End::finished, "malformed-dataset")).models_fault);
}

TEST(JudgeValidation, ValueIsNeededWhenThereIsADataset) {
  RunnerReport report;
  report.ok = true;
  EXPECT_FALSE(judge_validation(accuracy_of(0.9), report).passed);
  EXPECT_TRUE(judge_validation(wire::ValidationSpec{}, report).passed);
}

wire::ProbationSpec ten_seconds() {
  wire::ProbationSpec spec;
  spec.duration_s = 10;
  spec.min_observations = 20;
  spec.max_latency_ratio = 1.5;
  spec.max_error_rate = 0.1;
  spec.max_duration_s = 100;
  return spec;
}

TEST(JudgeProbation, WaitsForTimeAndObservationsThenCommits) {
  const Baseline before{10.0, 100};
  EXPECT_EQ(judge_probation(ten_seconds(), before, {100, 0, 10.0, false}, 0, 9s).choice, Choice::wait);
  EXPECT_EQ(judge_probation(ten_seconds(), before, {19, 0, 10.0, false}, 0, 50s).choice, Choice::wait);
  EXPECT_EQ(judge_probation(ten_seconds(), before, {20, 0, 10.0, false}, 0, 10s).choice, Choice::commit);
}

TEST(JudgeProbation, LatencyMustBeWorseByRatioAndByDelta) {
  const Baseline fast{1.0, 100};
  EXPECT_FALSE(judge_probation(ten_seconds(), fast, {100, 0, 2.5, false}, 0, 5s).strike);  // 2.5 times, but 1.5 ms
  const Baseline slow{10.0, 100};
  EXPECT_FALSE(judge_probation(ten_seconds(), slow, {100, 0, 14.9, false}, 0, 5s).strike);
  EXPECT_TRUE(judge_probation(ten_seconds(), slow, {100, 0, 15.1, false}, 0, 5s).strike);
}

TEST(JudgeProbation, TwoLooksInARowAreNeededToGoBack) {
  const Baseline before{10.0, 100};
  const ProbationTotals slower{100, 0, 30.0, false};
  EXPECT_EQ(judge_probation(ten_seconds(), before, slower, 0, 5s).choice, Choice::wait);
  EXPECT_EQ(judge_probation(ten_seconds(), before, slower, 1, 5s).choice, Choice::roll_back);
}

TEST(JudgeProbation, VersionThatNeverAnsweredOnceGoesBackEarly) {
  EXPECT_FALSE(judge_probation(ten_seconds(), {10.0, 100}, {2, 2, std::nullopt, false}, 1, 5s).strike);
  const auto verdict = judge_probation(ten_seconds(), {10.0, 100}, {3, 3, std::nullopt, false}, 1, 5s);
  EXPECT_EQ(verdict.choice, Choice::roll_back);
  EXPECT_EQ(verdict.cause, "probation_errors");
}

TEST(JudgeProbation, NoComparisonWithoutABaseline) {
  EXPECT_EQ(judge_probation(ten_seconds(), {}, {100, 0, 500.0, false}, 1, 10s).choice, Choice::commit);
}

TEST(JudgeProbation, SilenceIsAFailureOnlyWhereThereWasTraffic) {
  const ProbationTotals silent{0, 0, std::nullopt, false};
  EXPECT_EQ(judge_probation(ten_seconds(), {10.0, 100}, silent, 0, 10s).cause, "probation_crash");
  EXPECT_EQ(judge_probation(ten_seconds(), {}, silent, 0, 99s).choice, Choice::wait);
  const auto late = judge_probation(ten_seconds(), {}, silent, 0, 100s);
  EXPECT_EQ(late.choice, Choice::commit);
  EXPECT_NE(late.message.find("20 were asked for"), std::string::npos);
}

TEST(JudgeProbation, ProgramThatStaysDownRollsBackAtTheThirdLook) {
  const ProbationTotals down{5, 0, 10.0, true};
  EXPECT_EQ(judge_probation(ten_seconds(), {10.0, 100}, down, 1, 5s).choice, Choice::wait);
  const auto verdict = judge_probation(ten_seconds(), {10.0, 100}, down, 2, 5s);
  EXPECT_EQ(verdict.choice, Choice::roll_back);
  EXPECT_EQ(verdict.cause, "probation_crash");
}

}  // namespace
}  // namespace argosy::agent
