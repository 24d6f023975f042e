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

TEST(JudgeSuitability, SaysWhatIsAskedAndWhatTheDeviceHas) {
  wire::Capabilities board;
  board.architecture = "aarch64";
  board.inventory.versions = {{"jetpack", "4.6.1"}};
  board.inventory.onnx = wire::OnnxReach{22, 10};
  wire::DesiredModel wish;
  EXPECT_EQ(judge_suitability(wish, board), "");
  wish.onnx = wire::OnnxReach{25, 10};
  EXPECT_EQ(judge_suitability(wish, board),
            "this device cannot run it: it needs the ONNX opset 25, the device's engine reads up to 22");
  wish.selector.ranges.emplace("jetpack", VersionRange::parse(">=5.1,<6").value());
  EXPECT_EQ(judge_suitability(wish, board),
            "this device cannot run it: it needs jetpack >=5.1,<6, the device has 4.6.1");
}

TEST(JudgeSuitability, WhatIsNotToldNowAndTheClassAreTheServersToJudge) {
  wire::DesiredModel wish;
  wish.selector.ranges.emplace("tflite", VersionRange::parse(">=2.10").value());
  wish.selector.hardware_class = "another";
  wish.onnx = wire::OnnxReach{25, 10};
  EXPECT_EQ(judge_suitability(wish, {}), "");
}

TEST(JudgeValidation, ComparesInTheMetricsDirection) {
  wire::ValidationSpec spec = accuracy_of(0.9);
  EXPECT_TRUE(judge_validation(spec, measured(0.9)).passed);
  EXPECT_EQ(judge_validation(spec, measured(0.89)).cause, "validate_rejected");
  spec.metric = "mae";
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

TEST(JudgeValidation, RefusesASpecThatContradictsItself) {
  wire::ValidationSpec spec = accuracy_of(0.9);
  spec.higher_is_better = false;
  const auto outcome = judge_validation(spec, measured(0.95));
  EXPECT_EQ(outcome.cause, "incompatible");
  EXPECT_EQ(outcome.message, "of accuracy higher is better, and the direction is lower");
}

TEST(JudgeValidation, OutputsThatAreNoNumbersNeverPass) {
  RunnerReport report = measured(0.99);
  report.unusable = 1;
  const auto outcome = judge_validation(accuracy_of(0.9), report);
  EXPECT_EQ(outcome.cause, "validate_rejected");
  EXPECT_EQ(outcome.message, "the outputs for 1 samples hold what is not a number, or not finite");
}

TEST(JudgeValidation, InputsAloneNeedNoValue) {
  wire::ValidationSpec spec = accuracy_of(0);
  RunnerReport report;
  report.ok = true;
  EXPECT_EQ(judge_validation(spec, report).cause, "validate_crashed");
  spec.metric = "none";
  EXPECT_TRUE(judge_validation(spec, report).passed);
}

wire::ValidationSpec at_most(std::optional<double> loss, std::optional<double> latency_ratio = {}) {
  wire::ValidationSpec spec = accuracy_of(0.5);
  spec.max_loss = loss;
  spec.max_latency_ratio = latency_ratio;
  return spec;
}

TEST(JudgeValidation, MayLoseLittleAgainstTheServingVersion) {
  EXPECT_TRUE(judge_validation(at_most(0.01), measured(0.94), measured(0.95)).passed);  // exactly that much
  EXPECT_TRUE(judge_validation(at_most(0.01), measured(0.99), measured(0.95)).passed);
  EXPECT_TRUE(judge_validation(at_most(0), measured(0.95), measured(0.95)).passed);
  const auto outcome = judge_validation(at_most(0.01), measured(0.93), measured(0.95));
  EXPECT_EQ(outcome.cause, "validate_rejected");
  EXPECT_EQ(outcome.message, "accuracy is 0.93; the serving version's is 0.95, and at most 0.01 may be lost");
  EXPECT_EQ(outcome.serving_value, 0.95);
}

TEST(JudgeValidation, WhereLowerIsBetterALossIsMore) {
  wire::ValidationSpec spec = at_most(0.1);
  spec.metric = "mse";
  spec.higher_is_better = false;
  spec.threshold = 9;
  EXPECT_TRUE(judge_validation(spec, measured(1.1), measured(1)).passed);
  EXPECT_TRUE(judge_validation(spec, measured(0.1), measured(1)).passed);
  EXPECT_EQ(judge_validation(spec, measured(1.2), measured(1)).cause, "validate_rejected");
}

TEST(JudgeValidation, TheDevicesOwnDataIsComparedToo) {
  RunnerReport now = measured(0.95), before = measured(0.95);
  now.local_value = 0.8;
  before.local_value = 0.9;
  EXPECT_EQ(judge_validation(at_most(0.05), now, before).message,
            "accuracy on the device's own data is 0.8; the serving version's is 0.9, and at most 0.05 may be lost");
}

TEST(JudgeValidation, MayBeSoManyTimesSlowerThanTheServingVersion) {
  EXPECT_TRUE(judge_validation(at_most({}, 1.5), measured(0.95, 3), measured(0.95, 2)).passed);
  const auto outcome = judge_validation(at_most({}, 1.5), measured(0.95, 3.1), measured(0.95, 2));
  EXPECT_EQ(outcome.cause, "validate_rejected");
  EXPECT_EQ(outcome.message,
            "latency p95 in validation is 3.1 ms; the serving version's is 2 ms, and the limit is 1.5 times that");
  EXPECT_EQ(outcome.serving_p95_ms, 2);
}

TEST(JudgeValidation, SaysWhenThereWasNothingToCompareWith) {
  const auto first = judge_validation(at_most(0.01, 1.5), measured(0.7));
  EXPECT_TRUE(first.passed);
  EXPECT_EQ(first.message, "max_loss and max_latency_ratio did not apply: no version served here");
  RunnerReport broken = ended(End::finished, "incompatible");
  broken.error_message = "another shape";
  const auto unlike = judge_validation(at_most(0.01), measured(0.7), broken);
  EXPECT_TRUE(unlike.passed);
  EXPECT_EQ(unlike.message, "max_loss did not apply: the serving version could not be measured (another shape)");
  EXPECT_EQ(judge_validation(at_most(0.01), measured(0.7), measured(0.7)).message, "");
  wire::ValidationSpec bare = at_most(0.01);
  bare.dataset.reset();
  RunnerReport loaded;
  loaded.ok = true;
  EXPECT_EQ(judge_validation(bare, loaded, loaded).message,
            "max_loss did not apply: there was no data set to measure on");
  EXPECT_EQ(judge_validation(accuracy_of(0.5), measured(0.7)).message, "");
}

TEST(JudgeValidation, AProgramThatIsMissingIsNotTheModelsFault) {
  const auto outcome = judge_validation(accuracy_of(0.9), ended(End::finished, "unavailable"));
  EXPECT_EQ(outcome.cause, "incompatible");
  EXPECT_FALSE(outcome.models_fault);
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
  EXPECT_EQ(late.cause, too_few_observations);
}

TEST(JudgeProbation, TooFewObservationsAreAnOutcomeOfTheirOwn) {
  const ProbationTotals few{7, 0, 10.0, false};
  auto spec = ten_seconds();
  const auto kept = judge_probation(spec, {}, few, 0, 100s);
  EXPECT_EQ(kept.choice, Choice::commit);
  EXPECT_EQ(kept.cause, "probation_too_few");
  EXPECT_EQ(kept.message, "too few observations: 7 of 20 inferences in 100 s");
  spec.too_few_rolls_back = true;
  EXPECT_EQ(judge_probation(spec, {}, few, 0, 99s).choice, Choice::wait);
  const auto back = judge_probation(spec, {}, few, 0, 100s);
  EXPECT_EQ(back.choice, Choice::roll_back);
  EXPECT_EQ(back.cause, "probation_too_few");
  EXPECT_EQ(judge_probation(spec, {}, {20, 0, 10.0, false}, 0, 100s).cause, "") << "enough";
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
