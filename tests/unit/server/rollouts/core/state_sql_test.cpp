#include "server/rollouts/core/state_sql.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

TEST(StateSql, NamesTheStatesThatTheRulePicks) {
  EXPECT_EQ(sql_word(RolloutState::completed), "'completed'");
  EXPECT_EQ(sql_states(is_open), "'running', 'paused'");
  EXPECT_EQ(sql_states(is_active), "'running', 'paused', 'rolling_back'");
  EXPECT_EQ(sql_states(is_due_for_ticks), "'scheduled', 'running', 'paused', 'rolling_back'");
  EXPECT_EQ(sql_states(has_ended), "'completed', 'halted', 'rolled_back'");
}

// The partial index rollout_devices_begun is found by exactly this list of those that have begun.
TEST(StateSql, NamesTheStepsThatTheRulePicks) {
  EXPECT_EQ(sql_steps(is_in_progress),
            "'notified', 'downloading', 'patching', 'verifying', 'validating', 'activating', 'probation'");
  EXPECT_EQ(sql_steps(has_begun), "'downloading', 'patching', 'verifying', 'validating', 'activating', 'probation'");
  EXPECT_EQ(sql_steps(is_switching), "'activating', 'probation'");
  EXPECT_EQ(sql_steps(is_terminal), "'succeeded', 'failed', 'rolled_back'");
  EXPECT_EQ(sql_steps(has_served), "'probation', 'succeeded', 'rolling_back', 'rolled_back'");
}

TEST(StateSql, NamesTheCausesThatTheRulePicks) {
  EXPECT_EQ(sql_causes(is_probation_cause),
            "'probation_latency', 'probation_errors', 'probation_crash', 'probation_too_few'");
  EXPECT_EQ(sql_causes(is_neutral_cause), "'cancelled', 'superseded', 'decommissioned', 'left_out'");
}

TEST(StateSql, EveryStateOfADeviceIsQueuedAwaitedOrAnOutcome) {
  for (const auto step : all_device_steps()) {
    const int classes = (step == DeviceStep::queued) + awaits_outcome(step) + is_terminal(step);
    EXPECT_EQ(classes, 1) << to_string(step);
  }
}

}  // namespace
}  // namespace argosy::server
