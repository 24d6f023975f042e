// A release that was taken back: who is still told of it, who gets it off the devices, and what is said the next time.
#include <algorithm>
#include <thread>

#include <nlohmann/json.hpp>

#include "server/rollouts/recall_json.hpp"
#include "server/rollouts/store/operate_store.hpp"
#include "server/rollouts/store/recall_store.hpp"
#include "tests/db/rollouts/rollout_fleet.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using std::chrono::seconds;

class RecallingARelease : public RolloutFleet {
 protected:
  RecallCall call_for(const std::string& version, const std::string& reason = "it overheats") {
    return {"digits", version, reason, "user:ada"};
  }
  Recalled withdraw(const std::string& version, const std::string& reason = "it overheats") {
    return run(rollouts->withdraw(call_for(version, reason), now)).value();
  }
  Recalled recall(const std::string& version, const std::string& reason = "it overheats") {
    return run(rollouts->recall(call_for(version, reason), now)).value();
  }
  // In a connection and a transaction of its own, on the caller's thread.
  template <class Work>
  auto alone(const Work& work) {
    pqxx::connection connection(database.conninfo());
    pqxx::work transaction(connection);
    auto outcome = work(transaction);
    if (outcome) transaction.commit();
    return outcome;
  }
  int count(const std::string& table, const std::string& condition) {
    return database.value<int>("select count(*) from " + table + " where " + condition);
  }
  std::string last_decision(std::int64_t id) {
    return database.value<std::string>(
        "select rule || ': ' || decision || ': ' || message from rollout_decisions "
        "where rollout_id = " +
        std::to_string(id) + " order by id desc limit 1");
  }
  // Two waves later, on all twelve devices.
  std::int64_t completed() {
    const auto id = started();
    for (int wave = 0; wave < 2; ++wave) {
      tick();
      report_all(id, "notified", "committed");
      for (int i = 0; i < 3; ++i) tick();
    }
    EXPECT_EQ(state_of(id), RolloutState::completed);
    return id;
  }
};

TEST_F(RecallingARelease, AWithdrawnOneIsRefusedForNewRolloutsAndForDrafts) {
  add_twelve();
  const auto draft = create("1.1");
  withdraw("1.1");
  const auto started_now = operate(draft, Operation::start);
  ASSERT_FALSE(started_now);
  EXPECT_EQ(started_now.error().code, Errc::illegal_transition);
  EXPECT_NE(started_now.error().message.find("digits 1.1 was withdrawn by user:ada: it overheats"), std::string::npos)
      << started_now.error().message;
  const auto made = run(rollouts->create({"again", "digits", "1.1", "", Policy{}}, "user:ada", now));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Errc::conflict);
  EXPECT_NE(made.error().message.find("it overheats; roll out another version"), std::string::npos);
  EXPECT_EQ(state_of(create("1.0")), RolloutState::draft) << "another release is free";
}

TEST_F(RecallingARelease, ARunningRolloutOfItPausesAndSaysWhy) {
  add_twelve();
  const auto id = started();
  withdraw("1.1");
  tick();
  tick();
  EXPECT_EQ(state_of(id), RolloutState::paused);
  EXPECT_EQ(last_decision(id), "withdrawn: pause: digits 1.1 was withdrawn by user:ada: it overheats");
  EXPECT_EQ(decisions(id, "pause"), 1) << "logged once";
  EXPECT_TRUE(devices_in(id, "notified").empty());
  for (const auto operation : {Operation::resume, Operation::promote, Operation::retry})
    EXPECT_EQ(operate(id, operation).error().code, Errc::illegal_transition) << to_string(operation);
  EXPECT_EQ(operate(id, Operation::rollback).value().record.state, RolloutState::rolling_back);
}

TEST_F(RecallingARelease, ACompletedRolloutTellsNoStraggler) {
  add_twelve();
  set_presence("fp32-1", "offline");
  const auto id = started();
  for (int wave = 0; wave < 2; ++wave) {
    tick();
    report_all(id, "notified", "committed");
    for (int i = 0; i < 3; ++i) tick();
  }
  ASSERT_EQ(state_of(id), RolloutState::completed);
  withdraw("1.1");
  set_presence("fp32-1", "online");
  tick();
  EXPECT_EQ(devices_in(id, "queued"), std::vector<std::string>{"fp32-1"});
}

TEST_F(RecallingARelease, TheAnswerSaysWhereItStillRuns) {
  add_twelve();
  const auto draft = create();
  const auto id = completed();
  const auto shown = withdrawn_to_json(withdraw("1.1"));
  EXPECT_EQ(shown["running"], (json{{"devices", 12}, {"filter", "model.digits = \"1.1\""}}));
  ASSERT_EQ(shown["rollouts"].size(), 2U);
  EXPECT_EQ(shown["rollouts"][0]["id"], draft);
  EXPECT_EQ(shown["rollouts"][0]["did"], "it cannot be started");
  EXPECT_EQ(shown["rollouts"][1]["id"], id);
  EXPECT_EQ(shown["rollouts"][1]["did"], "it tells no further device, and can be rolled back");
}

TEST_F(RecallingARelease, TheFirstReasonStaysAndIsToldOnce) {
  withdraw("1.1", "it overheats");
  const auto again = withdraw("1.1", "I want to, too");
  EXPECT_EQ(again.withdrawal.reason, "it overheats");
  EXPECT_EQ(count("audit", "action = 'release.withdraw'"), 1);
  EXPECT_EQ(count("events", "kind = 'release.withdrawn'"), 1);
  EXPECT_EQ(run(rollouts->withdraw(call_for("9.9"), now)).error().code, Errc::not_found);
}

TEST_F(RecallingARelease, ARecallRollsBackEveryRolloutThatCanBe) {
  add_twelve();
  const auto draft = create();
  const auto first = completed();
  const auto second = started();
  const auto recalled = recall("1.1");
  ASSERT_EQ(recalled.rollouts.size(), 3U);
  EXPECT_EQ(recalled.rollouts[0].did, "the rollout has not been started: there is nothing to go back from");
  EXPECT_EQ(recalled.rollouts[1].did, "it is rolled back");
  EXPECT_EQ(recalled.rollouts[1].going_back, 12);
  EXPECT_EQ(recalled.rollouts[1].state, RolloutState::completed) << "before";
  EXPECT_EQ(recalled.rollouts[2].did, "it is rolled back");
  EXPECT_EQ(recalled.running, 12);
  EXPECT_EQ(recalled.helpless, 0);
  EXPECT_EQ(state_of(draft), RolloutState::draft);
  EXPECT_EQ(state_of(first), RolloutState::rolling_back);
  EXPECT_EQ(last_decision(first), "recall: roll back: recalled by user:ada: it overheats");
  EXPECT_EQ(target_of("fp32-1"), "1.0");
  EXPECT_TRUE(get(second).record.withdrawn);
}

TEST_F(RecallingARelease, DevicesWithoutAReleaseToGoBackToAreNamed) {
  add_device("fp32-new", "fp32", "");
  add_device("fp32-old", "fp32", "1.0");
  add_device("fp32-by-hand", "fp32", "1.1");
  const auto id = started("1.1", {{"waves", {{{"share", 1.0}}}}});
  tick();
  report_all(id, "notified", "committed");
  const auto shown = recalled_to_json(recall("1.1"));
  EXPECT_EQ(shown["helpless"], (json{{"devices", 2}, {"first", {"fp32-by-hand", "fp32-new"}}}));
  EXPECT_EQ(shown["rollouts"][0]["going_back"], 1);
}

TEST_F(RecallingARelease, TwoAtOnceHaveOneOutcome) {
  add_twelve();
  const auto id = completed();
  std::vector<Recalled> outcomes(2);
  std::vector<std::thread> operators;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    operators.emplace_back([&, i] {
      outcomes[i] = alone(RecallRelease{call_for("1.1", "reason " + std::to_string(i)), now}).value();
    });
  }
  for (auto& one : operators) one.join();
  EXPECT_EQ(outcomes[0].withdrawal, outcomes[1].withdrawal);
  std::vector<std::string> did{outcomes[0].rollouts[0].did, outcomes[1].rollouts[0].did};
  std::sort(did.begin(), did.end());
  EXPECT_EQ(did, (std::vector<std::string>{"it is rolled back", "the rollout is already rolling back"}));
  EXPECT_EQ(decisions(id, "roll back"), 1);
  EXPECT_EQ(count("audit", "action = 'release.recall'"), 1);
  EXPECT_EQ(count("events", "kind = 'release.recalled'"), 1);
}

TEST_F(RecallingARelease, ADraftThatIsStartedAtTheSameMomentTellsNobody) {
  add_twelve();
  for (int round = 0; round < 5; ++round) {
    database.exec("delete from release_withdrawals");
    const auto id = create();
    const OperateRollout start{{id, Operation::start, "*", "", "user:bob"}, now};
    const WithdrawRelease withdraw_it{call_for("1.1"), now};
    std::thread bob([&] { (void)alone(start); });
    std::thread ada([&] { EXPECT_TRUE(alone(withdraw_it)); });
    bob.join();
    ada.join();
    tick();
    const auto state = state_of(id);
    EXPECT_TRUE(state == RolloutState::draft || state == RolloutState::paused) << to_string(state);
    EXPECT_TRUE(devices_in(id, "notified").empty());
  }
}

TEST_F(RecallingARelease, WhatHappenedBeforeIsSaidTheNextTime) {
  add_twelve();
  const auto refused = started();
  tick();
  report_all(refused, "notified", "rejected", "validate_rejected");
  for (int i = 0; i < 3; ++i) tick();
  ASSERT_EQ(state_of(refused), RolloutState::halted);
  const auto fine = started("1.0");
  const auto next = create();
  const auto warnings = get(next).record.warnings;
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(warnings[0].find("rollout " + std::to_string(refused) + " of this release, \"digits 1.1\", was halted: 3"),
            0U)
      << warnings[0];
  EXPECT_NE(warnings[0].find("; 3 of 3 devices refused it in validation"), std::string::npos) << warnings[0];
  EXPECT_TRUE(get(fine).record.warnings.empty()) << "another release";
  EXPECT_TRUE(get(refused).record.warnings.empty()) << "the first of its release";
}

}  // namespace
}  // namespace argosy::server
