// Reactions of rules that concern rollouts: pausing those that touch a device or a site, and sending one device back.
#include <nlohmann/json.hpp>

#include "tests/db/rollouts/rollout_fleet.hpp"

namespace argosy::server {
namespace {

class RuleReaction : public RolloutFleet {
 protected:
  void SetUp() override { add_twelve(); }
  // An alert of the rule "slow" that was just told, the one before it being over, and its reaction, which waits.
  std::int64_t reaction(const std::string& kind, const std::string& subject, const std::string& model = "digits",
                        const std::string& version = "1.1") {
    const bool is_site = subject.starts_with("site ");
    const std::string name = is_site ? subject.substr(5) : subject;
    database.exec("update alerts set state = 'resolved', resolved_at = now()");
    const auto alert = database.value<std::int64_t>(
        "insert into alerts (rule, severity, device_id, site, model, state, message, details, opened_at) values "
        "('slow', "
        "'warning', " +
        (is_site ? "null, '" + name + "'" : "'" + name + "', null") + ", '" + model + "', 'firing', '" + name +
        " is slow', '{\"version\": \"" + version + "\"}', now()) returning id");
    return database.value<std::int64_t>(
        "insert into rule_reactions (alert_id, rule, rule_version, reaction, most_per_hour, created_at, due_at) values "
        "(" +
        std::to_string(alert) + ", 'slow', 3, '" + kind + "', 5, now(), now()) returning id");
  }
  std::string outcome(std::int64_t id) {
    return database.value<std::string>("select state || ': ' || outcome from rule_reactions where id = " +
                                       std::to_string(id));
  }
  void pause_for(std::int64_t id) { ASSERT_TRUE(run(rollouts->pause_for_reaction(id, now))); }
  void send_back_for(std::int64_t id) { ASSERT_TRUE(run(rollouts->send_back_for_reaction(id, now))); }
  std::int64_t completed(const std::string& version = "1.1", const nlohmann::json& policy = nlohmann::json::object()) {
    const auto id = started(version, policy);
    for (int wave = 0; wave < 2; ++wave) {
      tick();
      report_all(id, "notified", "committed");
      for (int i = 0; i < 3; ++i) tick();
    }
    EXPECT_EQ(state_of(id), RolloutState::completed);
    return id;
  }
  std::string step_of(std::int64_t id, const std::string& device) {
    return database.value<std::string>("select state from rollout_devices where rollout_id = " + std::to_string(id) +
                                       " and device_id = '" + device + "'");
  }
  int audited(const std::string& action) {
    return database.value<int>("select count(*) from audit where actor = 'rule:slow v3' and action = '" + action + "'");
  }
};

TEST_F(RuleReaction, PausesTheRolloutsThatHaveTheDeviceAndNamesTheAlert) {
  const auto id = started();
  tick();
  const auto asked = reaction("pause_rollouts", "fp32-2");
  pause_for(asked);
  EXPECT_EQ(state_of(id), RolloutState::paused);
  EXPECT_EQ(get(id).record.reason, "paused by rule:slow v3 for alert 1: fp32-2 is slow");
  EXPECT_EQ(outcome(asked), "done: paused rollout " + std::to_string(id));
  EXPECT_EQ(audited("rollout.pause"), 1);
  EXPECT_EQ(decisions(id, "pause"), 1);
}

TEST_F(RuleReaction, IsDoneOnceThoughItIsAskedForAgain) {
  const auto id = started();
  const auto asked = reaction("pause_rollouts", "fp32-2");
  pause_for(asked);
  ASSERT_TRUE(operate(id, Operation::resume));
  pause_for(asked);
  EXPECT_EQ(state_of(id), RolloutState::running) << "an operator has looked at it";
  EXPECT_EQ(audited("rollout.pause"), 1);
}

TEST_F(RuleReaction, PausesForASiteAndForItsModelAlone) {
  const auto id = started();
  database.exec("insert into site_devices (device_id, site, is_reachable) values ('int8-3', 'berlin', true)");
  const auto other = reaction("pause_rollouts", "fp32-2", "faces");
  pause_for(other);
  EXPECT_EQ(outcome(other), "left: not done: no rollout that touches it is running");
  const auto elsewhere = reaction("pause_rollouts", "site lyon", "");
  pause_for(elsewhere);
  EXPECT_EQ(state_of(id), RolloutState::running);
  pause_for(reaction("pause_rollouts", "site berlin", ""));
  EXPECT_EQ(state_of(id), RolloutState::paused);
}

TEST_F(RuleReaction, SendsOneDeviceBackAndLeavesTheOthers) {
  const auto id = completed();
  const auto asked = reaction("roll_back", "fp32-2");
  send_back_for(asked);
  EXPECT_EQ(outcome(asked), "done: fp32-2 was told to go back from digits 1.1 to 1.0");
  EXPECT_EQ(target_of("fp32-2"), "1.0");
  EXPECT_EQ(target_of("fp32-3"), "1.1");
  EXPECT_EQ(step_of(id, "fp32-2"), "rolling_back");
  EXPECT_EQ(state_of(id), RolloutState::completed);
  EXPECT_EQ(audited("device.send_back"), 1);
  EXPECT_EQ(database.value<int>("select class from desired_due where device_id = 'fp32-2'"), 0) << "with the stops";
  serve("fp32-2", "1.0");
  EXPECT_EQ(step_of(id, "fp32-2"), "rolled_back");
  for (int i = 0; i < 3; ++i) tick();
  EXPECT_EQ(target_of("fp32-2"), "1.0") << "nothing tells it again";
  EXPECT_EQ(recount(id), total_counts(get(id).record));
  const auto again = reaction("roll_back", "fp32-2", "digits", "1.0");
  send_back_for(again);
  EXPECT_NE(outcome(again).find("left: not done: rollout"), std::string::npos) << outcome(again);
  EXPECT_EQ(target_of("fp32-2"), "1.0");
}

TEST_F(RuleReaction, LeavesADeviceToTheRolloutThatRuns) {
  const auto id = started();
  tick();
  report_all(id, "notified", "committed");
  const auto device = devices_in(id, "succeeded").at(0);
  const auto asked = reaction("roll_back", device);
  send_back_for(asked);
  EXPECT_NE(outcome(asked).find("is running, and its guards and abort criteria decide"), std::string::npos)
      << outcome(asked);
  EXPECT_EQ(target_of(device), "1.1");
}

TEST_F(RuleReaction, LeavesADeviceThatANewerRolloutHasStillToTell) {
  completed();
  publish("1.2");
  const auto next = started("1.2");
  const auto queued = devices_in(next, "queued").at(0);
  const auto asked = reaction("roll_back", queued);
  send_back_for(asked);
  EXPECT_NE(outcome(asked).find("rollout " + std::to_string(next) + " has the device still to tell"), std::string::npos)
      << outcome(asked);
  EXPECT_EQ(target_of(queued), "1.1");
}

TEST_F(RuleReaction, ADeviceThatWasSentBackIsNotTakenInAgainByWhatStands) {
  const auto id = completed();
  ASSERT_TRUE(operate(id, Operation::assign));
  for (int i = 0; i < 3; ++i) tick();
  send_back_for(reaction("roll_back", "fp32-2"));
  serve("fp32-2", "1.0");
  database.exec("update devices set labels = '{\"touched\": \"yes\"}' where id = 'fp32-2'");
  for (int i = 0; i < 3; ++i) tick();
  EXPECT_EQ(target_of("fp32-2"), "1.0");
  EXPECT_EQ(step_of(id, "fp32-2"), "rolled_back");
}

TEST_F(RuleReaction, WithoutAReleaseBeforeThereIsNothingToGoBackTo) {
  const auto asked = reaction("roll_back", "fp32-2");
  send_back_for(asked);
  EXPECT_EQ(outcome(asked),
            "left: not done: no rollout gave the device what it runs, so there is nothing to go back to");
}

}  // namespace
}  // namespace argosy::server
