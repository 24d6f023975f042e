#include "server/rollouts/core/report_mapping.hpp"

#include <string>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

Tracked told(DeviceStep step = DeviceStep::notified) {
  return {.rollout = 3, .attempt = 2, .version = "1.1", .digests = {"new"}, .previous_version = "1.0", .step = step};
}

wire::ModelReport serving(const std::string& version, const std::string& digest) {
  wire::ModelReport model;
  model.model = "digits";
  model.version = version;
  model.digest = digest;
  return model;
}

wire::ModelReport report(const std::string& state, const std::string& cause = "") {
  auto model = serving("1.0", "old");
  wire::UpdateReport update;
  update.rollout = 3;
  update.attempt = 2;
  update.version = "1.1";
  update.state = state;
  update.cause = cause;
  model.update = update;
  return model;
}

Tracked with(Tracked row, const Progress& progress) {
  row.step = progress.step;
  row.cause = progress.cause;
  row.message = progress.message;
  row.source = progress.source;
  row.bytes = progress.bytes;
  row.full_bytes = progress.full_bytes;
  row.held = progress.held;
  return row;
}

TEST(ReportMapping, ShadowCountsAreThoseOfThisAttempt) {
  auto model = report("shadowing");
  EXPECT_FALSE(shadow_of_report(told(), model));
  model.update->shadow = wire::ShadowCounts{};
  EXPECT_FALSE(shadow_of_report(told(), model)) << "nothing was counted";
  const wire::ShadowCounts counts{.samples = 20, .agreed = 19};
  model.update->shadow = counts;
  EXPECT_EQ(shadow_of_report(told(), model), counts);
  model.update->attempt = 1;
  EXPECT_FALSE(shadow_of_report(told(), model));
}

TEST(ReportMapping, FollowsTheDeviceToItsOutcome) {
  const std::pair<const char*, DeviceStep> table[] = {
      {"planning", DeviceStep::downloading},   {"downloading", DeviceStep::downloading},
      {"patching", DeviceStep::patching},      {"verifying", DeviceStep::verifying},
      {"validating", DeviceStep::validating},  {"shadowing", DeviceStep::validating},
      {"activating", DeviceStep::activating},  {"probation", DeviceStep::probation},
      {"rolling_back", DeviceStep::probation}, {"committed", DeviceStep::succeeded},
      {"rejected", DeviceStep::failed},        {"failed", DeviceStep::failed},
      {"rolled_back", DeviceStep::failed},
  };
  for (const auto& [state, step] : table) {
    const auto next = map_report(told(), report(state, "validate_rejected"));
    ASSERT_TRUE(next) << state;
    EXPECT_EQ(next->step, step) << state;
    EXPECT_EQ(next->cause, step == DeviceStep::failed ? "validate_rejected" : "");
  }
  EXPECT_FALSE(map_report(told(), report("idle")));
  EXPECT_FALSE(map_report(told(), report("levitating")));
}

TEST(ReportMapping, KeepsThatADeviceWaitsForItsOwner) {
  auto waiting = report("downloading");
  waiting.update->held = true;
  const auto held = map_report(told(), waiting);
  ASSERT_TRUE(held);
  EXPECT_TRUE(held->held);
  const auto row = with(told(), *held);
  EXPECT_FALSE(map_report(row, waiting));
  const auto goes_on = map_report(row, report("downloading"));
  ASSERT_TRUE(goes_on) << "nothing else changed";
  EXPECT_FALSE(goes_on->held);
}

TEST(ReportMapping, TheSameReportTwiceChangesNothing) {
  for (const auto* state : {"downloading", "probation", "committed", "failed"}) {
    const auto first = map_report(told(), report(state));
    ASSERT_TRUE(first) << state;
    EXPECT_FALSE(map_report(with(told(), *first), report(state))) << state;
  }
}

TEST(ReportMapping, AnOutcomeIsCountedOnceWhateverComesLate) {
  const auto done = with(told(), *map_report(told(), report("committed")));
  for (const auto* state : {"downloading", "failed", "rolled_back"}) EXPECT_FALSE(map_report(done, report(state)));
}

TEST(ReportMapping, AnOldAttemptSaysNothingAboutTheNewOne) {
  auto old = report("failed", "download");
  old.update->attempt = 1;
  EXPECT_FALSE(map_report(told(), old));
  auto other = report("committed");
  other.update->rollout = 2;
  EXPECT_FALSE(map_report(told(), other));
}

Tracked failed_with(std::string_view cause) {
  auto row = told(DeviceStep::failed);
  row.cause = cause;
  return row;
}

wire::ModelReport committed() {
  auto model = report("committed");
  model.version = "1.1";
  model.digest = "new";
  return model;
}

TEST(ReportMapping, ATimeOutIsAGuessThatTheDevicesOwnOutcomeReplaces) {
  EXPECT_FALSE(map_report(failed_with("timeout"), report("downloading")));
  EXPECT_EQ(map_report(failed_with("timeout"), report("failed", "download"))->cause, "download");
  EXPECT_EQ(map_report(failed_with("timeout"), committed())->step, DeviceStep::succeeded);
}

TEST(ReportMapping, ADeviceThatTriedAgainByItselfAndServesTheReleaseHasSucceeded) {
  EXPECT_EQ(map_report(failed_with("validate_timeout"), committed())->step, DeviceStep::succeeded);
  EXPECT_FALSE(map_report(failed_with("validate_timeout"), report("rejected", "validate_rejected")));
  EXPECT_FALSE(map_report(failed_with("validate_timeout"), report("committed"))) << "it serves another file";
  EXPECT_FALSE(map_report(failed_with("cancelled"), committed())) << "it was taken back";
}

TEST(ReportMapping, ALostReportIsHealedByWhatTheDeviceServesAndCommitted) {
  auto model = committed();
  model.update->attempt = 1;
  const auto next = map_report(told(DeviceStep::validating), model);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->step, DeviceStep::succeeded);
  model.digest = "another file of that name";
  EXPECT_FALSE(map_report(told(), model));
}

TEST(ReportMapping, ServingTheVersionInProbationIsNotYetSuccess) {
  auto model = report("probation");
  model.version = "1.1";
  model.digest = "new";
  EXPECT_EQ(map_report(told(), model)->step, DeviceStep::probation);
  model.update->rollout = 2;
  EXPECT_FALSE(map_report(told(), model));
  EXPECT_FALSE(map_report(told(), serving("1.1", "new"))) << "a lost journal: it may be about to go back";
}

TEST(ReportMapping, AQueuedDeviceIsNotInTheRolloutYet) {
  EXPECT_FALSE(map_report(told(DeviceStep::queued), serving("1.1", "new")));
}

TEST(ReportMapping, ARefusalKeepsItsNumbers) {
  auto model = report("rejected", "validate_rejected");
  model.update->metric_value = 0.91;
  model.update->metric_threshold = 0.94;
  model.update->message = "accuracy 0.91 is below 0.94";
  const auto next = map_report(told(), model);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->numbers, nlohmann::json({{"metric_value", 0.91}, {"metric_threshold", 0.94}}));
  EXPECT_EQ(next->message, "accuracy 0.91 is below 0.94");
}

TEST(ReportMapping, ASuccessOnTooFewObservationsKeepsItsCauseAndNumbers) {
  auto seen = report("committed", "probation_too_few");
  seen.update->samples = 3;
  seen.update->samples_wanted = 20;
  const auto next = map_report(told(), seen);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->step, DeviceStep::succeeded);
  EXPECT_EQ(next->cause, cause_too_few);
  EXPECT_EQ(next->numbers["samples"], 3);
  EXPECT_EQ(next->numbers["samples_wanted"], 20);
  EXPECT_EQ(map_report(told(), report("rolled_back", "probation_too_few"))->step, DeviceStep::failed);
}

TEST(ReportMapping, AWordThatNobodyKnowsIsAnotherFailure) {
  EXPECT_EQ(map_report(told(), report("failed", "succeeded"))->cause, "other");
}

TEST(ReportMapping, ADeviceSentBackIsBackWhenItServesThePreviousRelease) {
  const auto row = told(DeviceStep::rolling_back);
  EXPECT_FALSE(map_report(row, serving("1.1", "new")));
  EXPECT_EQ(map_report(row, serving("1.0", "old"))->step, DeviceStep::rolled_back);
  EXPECT_FALSE(map_report(row, report("validating"))) << "it still works on the update that was taken back";
  auto stuck = report("failed", "no_space");
  stuck.version = "1.1";
  stuck.update->version = "1.0";
  const auto next = map_report(row, stuck);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->cause, "no_space");
}

TEST(ReportMapping, AMessageIsCutAtACharacter) {
  auto model = report("failed", "download");
  for (int i = 0; i < 300; ++i) model.update->message += "é";
  model.update->message.insert(0, "x");
  const auto next = map_report(told(), model);
  EXPECT_EQ(next->message.size(), 499U);
}

}  // namespace
}  // namespace argosy::server
