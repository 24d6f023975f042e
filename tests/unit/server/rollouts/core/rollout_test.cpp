#include "server/rollouts/core/rollout.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

TEST(RolloutCounts, OnlyOutcomesThatTellAboutTheReleaseAreExecuted) {
  const Counts counts{{"queued", 5},     {"downloading", 2}, {"succeeded", 6}, {"validate_rejected", 3},
                      {"superseded", 4}, {"cancelled", 1},   {"timeout", 1}};
  EXPECT_EQ(succeeded(counts), 6);
  EXPECT_EQ(failed(counts), 4);
  EXPECT_EQ(executed(counts), 10);
  EXPECT_EQ(neutral(counts), 5);
  EXPECT_EQ(in_progress(counts), 2);
}

TEST(RolloutCounts, ACauseThatADeviceInventedCannotPoseAsAState) {
  EXPECT_EQ(count_key(DeviceStep::failed, "succeeded"), "other");
  EXPECT_EQ(count_key(DeviceStep::failed, "timeout"), "timeout");
  EXPECT_EQ(count_key(DeviceStep::probation, ""), "probation");
}

struct Row {
  Operation operation;
  RolloutState state;
  bool legal;
};

TEST(RolloutOperations, FollowTheTable) {
  using enum RolloutState;
  using enum Operation;
  const std::vector<Row> table{
      {start, draft, true},
      {start, running, false},
      {pause, running, true},
      {pause, paused, false},
      {resume, paused, true},
      {resume, halted, false},
      {promote, running, true},
      {promote, paused, true},
      {promote, draft, false},
      {halt, running, true},
      {halt, paused, true},
      {halt, halted, false},
      {rollback, running, true},
      {rollback, halted, true},
      {rollback, completed, true},
      {rollback, draft, false},
      {rollback, rolled_back, false},
      {retry, running, true},
      {retry, completed, true},
      {retry, halted, false},
      {assign, draft, true},
      {assign, scheduled, true},
      {assign, paused, true},
      {assign, completed, true},
      {assign, halted, false},
      {assign, rolled_back, false},
      {unassign, completed, false},
      {start, awaiting_approval, false},
      {start, scheduled, false},
      {approve, awaiting_approval, true},
      {approve, draft, false},
      {approve, scheduled, false},
      {refuse, awaiting_approval, true},
      {refuse, running, false},
      {cancel, awaiting_approval, true},
      {cancel, scheduled, true},
      {cancel, draft, false},
      {cancel, running, false},
      {halt, scheduled, true},
      {halt, awaiting_approval, true},
      {rollback, scheduled, false},
      {pause, scheduled, false},
      {resume, scheduled, false},
      {promote, scheduled, false},
      {retry, awaiting_approval, false},
  };
  for (const auto& row : table) {
    const Situation now{row.state, 0, 2, 12, {{"queued", 6}, {"succeeded", 3}, {"timeout", 3}}};
    EXPECT_EQ(!refusal(row.operation, now), row.legal) << to_string(row.operation) << " when " << to_string(row.state);
  }
}

TEST(RolloutOperations, SayWhyNot) {
  EXPECT_EQ(refusal(Operation::start, {RolloutState::draft, 0, 0, 0, {}}), "no device matches the filter");
  EXPECT_EQ(refusal(Operation::approve, {RolloutState::awaiting_approval, 0, 0, 0, {}}),
            "no device matches the filter");
  EXPECT_EQ(refusal(Operation::cancel, {RolloutState::running, 0, 2, 9, {}}),
            "the rollout is running: it has started; halt or roll it back");
  EXPECT_EQ(refusal(Operation::promote, {RolloutState::running, 2, 2, 9, {}}), "wave 3 is the last one");
  EXPECT_EQ(refusal(Operation::resume, {RolloutState::halted, 0, 2, 9, {}}),
            "a halted rollout stays halted: create a new one");
  EXPECT_EQ(refusal(Operation::retry, {RolloutState::running, 0, 2, 9, {{"superseded", 2}}}), "no device has failed");
}

TEST(RolloutOperations, OfAWithdrawnReleaseOnlyStopIt) {
  Situation now{RolloutState::paused, 0, 2, 12, {{"queued", 6}, {"timeout", 3}}};
  now.withdrawn = "digits 1.1 was withdrawn by user:ada: it overheats";
  for (const auto operation : {Operation::resume, Operation::promote, Operation::retry})
    EXPECT_EQ(refusal(operation, now), now.withdrawn + "; a rollout of it can only be stopped");
  for (const auto operation : {Operation::halt, Operation::rollback}) EXPECT_EQ(refusal(operation, now), std::nullopt);
}

TEST(RolloutOperations, WhileItsDevicesArePlannedItStartsAndStopsButPromotesNothing) {
  Situation now;
  now.is_planning = true;
  EXPECT_FALSE(refusal(Operation::start, now));
  now.state = RolloutState::running;
  EXPECT_TRUE(refusal(Operation::promote, now));
  for (const auto stop : {Operation::pause, Operation::halt, Operation::rollback}) EXPECT_FALSE(refusal(stop, now));
}

TEST(RolloutOperations, WhatStandsIsNotAssignedTwiceAndCanAlwaysBeUnassigned) {
  Situation now{.state = RolloutState::completed, .planned = 3, .counts = {{"succeeded", 3}}, .standing = true};
  EXPECT_TRUE(refusal(Operation::assign, now));
  EXPECT_FALSE(refusal(Operation::unassign, now));
  EXPECT_FALSE(refusal(Operation::halt, now)) << "it would tell newcomers";
  now.withdrawn = "digits 1.1 was withdrawn by user:ada: it overheats";
  EXPECT_FALSE(refusal(Operation::unassign, now));
  now.standing = false;
  EXPECT_TRUE(refusal(Operation::assign, now));
  EXPECT_EQ(refusal(Operation::unassign, now), "the rollout does not stand");
}

TEST(RolloutCounts, ALeftOutDeviceIsInNoShareAndCanBeRetried) {
  const Counts counts{{"succeeded", 6}, {"left_out", 2}};
  EXPECT_EQ(executed(counts), 6);
  EXPECT_EQ(failed(counts), 0);
  EXPECT_EQ(neutral(counts), 2);
  EXPECT_EQ(retryable(counts, ""), 2);
  EXPECT_EQ(retryable(counts, "left_out"), 2);
}

}  // namespace
}  // namespace argosy::server
