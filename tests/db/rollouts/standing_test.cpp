// Rollouts that stand, on PostgreSQL: who joins a completed rollout, who does not, and what ends it.
#include <boost/asio/co_spawn.hpp>

#include "tests/db/rollouts/rollout_fleet.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using std::chrono::hours;
using std::chrono::seconds;
using Names = std::vector<std::string>;

class Standing : public RolloutFleet {
 protected:
  static json lenient(json more = json::object()) {
    json policy{{"waves", {{{"share", 1}}}}, {"abort", json::array()}, {"gate", {{"success_share", 0}}}};
    policy.merge_patch(more);
    return policy;
  }
  std::int64_t created_for(const std::string& filter, const std::string& version, const json& policy = lenient(),
                           bool standing = true) {
    const auto id = create(version, policy);
    database.exec("update rollouts set filter = '" + filter + "', standing = " + (standing ? "true" : "false") +
                  " where id = " + std::to_string(id));
    return id;
  }
  // Every device of the filter has an outcome: all took it.
  std::int64_t completed(const std::string& filter = "", const std::string& version = "1.1",
                         const json& policy = lenient(), bool standing = true) {
    pass(seconds(1));
    const auto id = created_for(filter, version, policy, standing);
    operate(id, Operation::start).value();
    complete(id);
    return id;
  }
  void complete(std::int64_t id) {
    tick();
    pass(seconds(1));
    report_all(id, "notified", "committed");
    for (int i = 0; i < 3; ++i) tick();
    ASSERT_EQ(state_of(id), RolloutState::completed);
  }
  bool stands(std::int64_t id) { return get(id).record.stands_since.has_value(); }
  void label(const std::string& device, const std::string& labels) {
    database.exec("update devices set labels = '" + labels + "' where id = '" + device + "'");
  }
  void add_device_in(const std::string& device, const std::string& site, const std::string& version = "1.0") {
    add_device(device, "fp32", version);
    label(device, R"({"site": ")" + site + "\"}");
  }
  // As enrolment leaves it.
  void replace_board(const std::string& device, const std::string& hardware_class = "fp32") {
    pass(seconds(1));
    const json capabilities{{"architecture", "x86_64"},
                            {"accelerators", {"cpu"}},
                            {"runtimes", {"onnxruntime"}},
                            {"precisions", {hardware_class}},
                            {"memory_mb", 2048}};
    database.exec("update devices set capabilities = '" + capabilities.dump() + "', enrolled_at = '" + to_rfc3339(now) +
                  "', revoked_at = null where id = '" + device + "'");
    database.exec("delete from device_models where device_id = '" + device + "'");
  }
  std::string message_of(std::int64_t id, const std::string& decision) {
    return database.value<std::string>("select coalesce(max(message), '') from rollout_decisions where rollout_id = " +
                                       std::to_string(id) + " and decision = '" + decision + "'");
  }
  std::string why_of(const std::string& device) {
    std::string text;
    for (const auto& one : run(rollouts->assignments(device, now)).value())
      text += (text.empty() ? "" : "; ") + why(one);
    return text;
  }
  int audits(const std::string& action) {
    return database.value<int>("select count(*) from audit where action = '" + action + "'");
  }
  void expect_true_counts(std::int64_t id) { EXPECT_EQ(recount(id), total_counts(get(id).record)); }
};

TEST_F(Standing, ADeviceThatEnrolsAfterTheCompletionGetsTheRelease) {
  add_device("fp32-1");
  const auto id = completed();
  EXPECT_TRUE(stands(id));
  EXPECT_NE(message_of(id, "complete").find("it stands"), std::string::npos);
  add_device("fp32-2", "fp32", "");
  tick();
  EXPECT_EQ(devices_in(id, "notified"), Names{"fp32-2"});
  EXPECT_EQ(target_of("fp32-2"), "1.1");
  EXPECT_EQ(get(id).record.newcomers, 1);
  EXPECT_EQ(message_of(id, "join"), "1 device that came to match the filter now joins wave 1");
  report(id, "fp32-2", "committed");
  tick();
  EXPECT_EQ(devices_in(id, "succeeded"), (Names{"fp32-1", "fp32-2"}));
  EXPECT_NE(why_of("fp32-2").find("when it came to match a filter that stands"), std::string::npos);
  expect_true_counts(id);
  EXPECT_EQ(decisions(id, "join"), 1);
  for (int i = 0; i < 3; ++i) tick();
  EXPECT_EQ(decisions(id, "join"), 1);
}

TEST_F(Standing, NobodyJoinsACompletedRolloutThatWasNotAskedToStand) {
  add_device("fp32-1");
  const auto id = completed("", "1.1", lenient(), false);
  add_device("fp32-2");
  for (int i = 0; i < 3; ++i) tick();
  EXPECT_FALSE(stands(id));
  EXPECT_EQ(target_of("fp32-2"), "");
  EXPECT_EQ(database.value<int>("select count(*) from rollout_newcomers"), 0) << "nothing is kept for nobody";
}

TEST_F(Standing, AssigningLaterTakesInWhoCameMeanwhile) {
  add_device("fp32-1");
  const auto id = completed("", "1.1", lenient(), false);
  add_device("fp32-2");
  tick();
  const auto etag = std::to_string(get(id).record.etag);
  ASSERT_TRUE(operate(id, Operation::assign, etag));
  tick();
  EXPECT_EQ(devices_in(id, "notified"), Names{"fp32-2"});
  EXPECT_EQ(audits("rollout.assign"), 1);
  EXPECT_EQ(decisions(id, "assign"), 1);
}

TEST_F(Standing, OfTwoOperatorsAtOnceOneHasHisWay) {
  add_device("fp32-1");
  const auto id = completed("", "1.1", lenient(), false);
  const auto etag = std::to_string(get(id).record.etag);
  int done = 0;
  int refused = 0;
  for (int i = 0; i < 2; ++i) {
    boost::asio::co_spawn(io, rollouts->operate({id, Operation::assign, etag, "", "user:ada"}, now),
                          [&](std::exception_ptr, Result<RolloutDetails> outcome) {
                            ++done;
                            if (outcome) return;
                            ++refused;
                            EXPECT_EQ(outcome.error().code, Errc::precondition_failed);
                          });
  }
  io.restart();
  while (done < 2) io.run_one();
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(decisions(id, "assign"), 1);
  EXPECT_EQ(audits("rollout.assign"), 1);
  EXPECT_EQ(operate(id, Operation::unassign, etag).error().code, Errc::precondition_failed);
}

TEST_F(Standing, ARelabelledDeviceJoins) {
  add_device_in("fp32-1", "berlin");
  add_device("fp32-2");
  const auto id = completed("labels.site = berlin");
  EXPECT_EQ(devices_in(id, "succeeded"), Names{"fp32-1"});
  tick();
  EXPECT_EQ(target_of("fp32-2"), "");
  label("fp32-2", R"({"site": "berlin"})");
  tick();
  EXPECT_EQ(target_of("fp32-2"), "1.1");
  label("fp32-2", R"({"site": "bonn"})");
  tick();
  EXPECT_EQ(target_of("fp32-2"), "1.1") << "one that ceases to match stays";
}

TEST_F(Standing, ADeviceJoinsOnceItsPresenceIsWhatTheFilterAsksFor) {
  add_device("fp32-1");
  add_device("fp32-2");
  database.exec("update device_state set presence = 'offline' where device_id = 'fp32-2'");
  const auto id = completed("presence = online");
  EXPECT_EQ(devices_in(id, "succeeded"), Names{"fp32-1"});
  tick();
  EXPECT_EQ(target_of("fp32-2"), "");
  database.exec("update device_state set presence = 'online' where device_id = 'fp32-2'");
  tick();
  EXPECT_EQ(target_of("fp32-2"), "1.1");
}

TEST_F(Standing, ADeviceJoinsOnceItSaysWhatItRuns) {
  add_device("fp32-1");
  const auto id = completed("model.digits = \"1.0\"");
  add_device("fp32-2", "fp32", "");
  tick();
  EXPECT_EQ(target_of("fp32-2"), "");
  install("fp32-2", "1.0");
  tick();
  EXPECT_EQ(devices_in(id, "notified"), Names{"fp32-2"});
}

TEST_F(Standing, TheNewestThatCoversADeviceWinsAndEndsOlderOnesOfTheSameDevices) {
  publish("1.2");
  publish("1.3");
  add_device("fp32-1");
  add_device_in("fp32-9", "berlin");
  const auto all = completed("", "1.1");
  const auto berlin = completed("labels.site = berlin", "1.2");
  EXPECT_TRUE(stands(all));
  EXPECT_TRUE(stands(berlin));
  add_device("fp32-2");
  add_device_in("fp32-3", "berlin");
  tick();
  EXPECT_EQ(target_of("fp32-2"), "1.1");
  EXPECT_EQ(target_of("fp32-3"), "1.2");
  report(all, "fp32-2", "committed");
  report(berlin, "fp32-3", "committed");
  const auto newest = completed("", "1.3");
  EXPECT_TRUE(stands(newest));
  EXPECT_FALSE(stands(all));
  EXPECT_FALSE(stands(berlin)) << "it asks nothing: it is for all devices";
  EXPECT_EQ(message_of(all, "unassign"),
            "rollout " + std::to_string(newest) + " of digits 1.3 stands for the same devices from now on");
  EXPECT_EQ(audits("rollout.unassign"), 2);
  const auto refused = operate(all, Operation::assign);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::illegal_transition);
  EXPECT_NE(refused.error().message.find("unassign it first"), std::string::npos) << refused.error().message;
}

TEST_F(Standing, AnOlderOneThatCompletesLaterEndsNoNewerOne) {
  publish("1.2");
  add_device("fp32-1");
  const auto slow = created_for("", "1.1", lenient({{"gate", {{"bake_s", 3600}}}}));
  operate(slow, Operation::start).value();
  tick();
  report_all(slow, "notified", "committed");
  tick();
  add_device_in("fp32-2", "berlin");
  const auto berlin = completed("labels.site = berlin", "1.2");
  pass(hours(1));
  for (int i = 0; i < 3; ++i) tick();
  EXPECT_EQ(state_of(slow), RolloutState::completed);
  EXPECT_TRUE(stands(slow));
  EXPECT_TRUE(stands(berlin)) << "it started later, and goes first in Berlin";
  EXPECT_EQ(get(slow).record.notes.size(), 1U);
}

TEST_F(Standing, ADeviceThatANewerRolloutHasToldIsLeftToIt) {
  publish("1.2");
  add_device_in("fp32-1", "berlin");
  const auto old = completed("labels.site = berlin", "1.1");
  add_device("fp32-2");
  const auto newer = completed("", "1.2", lenient(), false);
  ASSERT_EQ(target_of("fp32-2"), "1.2");
  label("fp32-2", R"({"site": "berlin"})");
  for (int i = 0; i < 3; ++i) tick();
  EXPECT_EQ(target_of("fp32-2"), "1.2") << "no way back to what is older";
  EXPECT_EQ(get(old).record.newcomers, 0);
  EXPECT_FALSE(stands(newer));
  EXPECT_NE(get(created_for("", "1.2", lenient(), false)).record.notes.at(0).find("stands: devices that come later"),
            std::string::npos);
}

TEST_F(Standing, ADeviceThatWaitsForALaterWaveOfANewerRolloutRunsWhatItsPeersDo) {
  publish("1.2");
  add_device("fp32-1");
  completed("", "1.1");
  add_device("fp32-2");
  add_device("fp32-3");
  const auto newer =
      created_for("", "1.2", lenient({{"waves", {{{"devices", 1}}, {{"share", 1}}}}, {"gate", {{"bake_s", 3600}}}}));
  operate(newer, Operation::start).value();
  tick();
  const auto canary = devices_in(newer, "notified").at(0);
  EXPECT_EQ(target_of(canary), "1.2");
  for (const std::string device : {"fp32-2", "fp32-3"}) {
    EXPECT_EQ(target_of(device), device == canary ? "1.2" : "1.1") << device;
  }
}

TEST_F(Standing, AReleaseThatWasWithdrawnGoesToNobody) {
  add_device("fp32-1");
  const auto id = completed();
  run(rollouts->withdraw({"digits", "1.1", "it overheats", "user:ada"}, now)).value();
  add_device("fp32-2");
  tick();
  EXPECT_FALSE(stands(id));
  EXPECT_EQ(target_of("fp32-2"), "");
  EXPECT_EQ(message_of(id, "unassign"), "digits 1.1 was withdrawn by user:ada: it overheats");
  EXPECT_FALSE(operate(id, Operation::assign));
}

TEST_F(Standing, ADeviceThatFailedWithTheReleaseIsLeftOutAndTheScreenSaysSo) {
  add_device_in("fp32-1", "bonn");
  add_device_in("fp32-2", "berlin");
  pass(seconds(1));
  const auto trial = created_for("labels.site = berlin", "1.1", lenient(), false);
  operate(trial, Operation::start).value();
  tick();
  report(trial, "fp32-2", "rejected", "validate_rejected");
  operate(trial, Operation::halt).value();
  label("fp32-2", "{}");
  const auto id = completed("labels.site = bonn", "1.1");
  label("fp32-2", R"({"site": "bonn"})");
  tick();
  EXPECT_EQ(devices_in(id, "left_out"), Names{"fp32-2"});
  EXPECT_EQ(message_of(id, "join"), "1 device is left out, for it failed with this release before");
  const auto reason = "leaves it out: it failed with digits 1.1 before, in rollout " + std::to_string(trial);
  EXPECT_NE(why_of("fp32-2").find(reason), std::string::npos) << why_of("fp32-2");
  EXPECT_EQ(database.value<int>("select count(*) from events where device_id = 'fp32-2' and message like '%left out%'"),
            1);
  label("fp32-2", R"({"site": "bonn", "shelf": "3"})");
  tick();
  EXPECT_EQ(decisions(id, "join"), 1) << "said once";
  expect_true_counts(id);
  operate(id, Operation::retry, "*", "left_out").value();
  tick();
  EXPECT_EQ(devices_in(id, "notified"), Names{"fp32-2"}) << "an operator insists";
}

TEST_F(Standing, ADeviceThatRestsIsToldWhenItHasRested) {
  add_device("fp32-1");
  const auto id = completed();
  add_device("fp32-2");
  database.exec(
      "insert into device_failures (device_id, model, failures, resting_until) values ('fp32-2', 'digits', 3, '" +
      to_rfc3339(now + hours(1)) + "')");
  tick();
  EXPECT_EQ(devices_in(id, "queued"), Names{"fp32-2"});
  EXPECT_NE(why_of("fp32-2").find("it rests until"), std::string::npos);
  pass(hours(1));
  tick();
  EXPECT_EQ(devices_in(id, "notified"), Names{"fp32-2"});
}

TEST_F(Standing, ADeviceThatCannotRunItSaysSoAndEndsNothing) {
  add_device("fp32-1");
  const auto id = completed();
  for (int i = 1; i <= 4; ++i) add_device("fp16-" + std::to_string(i), "fp16", "");
  for (int i = 0; i < 3; ++i) tick();
  EXPECT_EQ(devices_in(id, "incompatible").size(), 4U);
  EXPECT_TRUE(stands(id));
  EXPECT_NE(why_of("fp16-1").find("incompatible"), std::string::npos);
}

TEST_F(Standing, AnotherBoardOfTheSameNameGetsWhatItsPeersRun) {
  add_device("fp32-1");
  add_device("fp32-2");
  pass(seconds(1));
  const auto id = created_for("", "1.1");
  operate(id, Operation::start).value();
  tick();
  report(id, "fp32-1", "committed");
  report(id, "fp32-2", "rejected", "validate_rejected");
  for (int i = 0; i < 3; ++i) tick();
  ASSERT_TRUE(stands(id));
  database.exec("update device_failures set failures = 3, resting_until = '" + to_rfc3339(now + hours(5)) + "'");
  replace_board("fp32-2");
  EXPECT_EQ(database.value<int>("select count(*) from device_failures"), 0);
  tick();
  EXPECT_EQ(devices_in(id, "notified"), Names{"fp32-2"});
  EXPECT_EQ(database.value<int>("select attempt from device_targets where device_id = 'fp32-2'"), 2);
  report(id, "fp32-2", "committed");
  tick();
  replace_board("fp32-1");
  tick();
  EXPECT_EQ(devices_in(id, "notified"), Names{"fp32-1"}) << "though the old one had it";
  expect_true_counts(id);
}

TEST_F(Standing, NewcomersThatKeepFailingEndIt) {
  add_device("fp32-1");
  const auto id = completed();
  for (int i = 2; i <= 4; ++i) {
    add_device("fp32-" + std::to_string(i));
    tick();
    EXPECT_EQ(target_of("fp32-" + std::to_string(i)), "1.1");
    pass(seconds(1));
    report(id, "fp32-" + std::to_string(i), "rejected", "validate_rejected");
    EXPECT_TRUE(stands(id));
  }
  add_device("fp32-5");
  tick();  // it joins, and nobody tells it
  tick();
  EXPECT_FALSE(stands(id));
  EXPECT_FALSE(get(id).record.standing);
  EXPECT_EQ(target_of("fp32-5"), "");
  EXPECT_EQ(devices_in(id, "cancelled"), Names{"fp32-5"});
  EXPECT_NE(message_of(id, "unassign").find("3 of the 3 devices that joined last failed"), std::string::npos);
  EXPECT_EQ(audits("rollout.unassign"), 1);
  EXPECT_EQ(database.value<int>("select count(*) from events where kind = 'rollout.decision' and severity = 'warning' "
                                "and message like '%joined last failed%'"),
            1);
  ASSERT_TRUE(operate(id, Operation::assign));
  tick();
  EXPECT_TRUE(stands(id)) << "what failed before was seen";
  EXPECT_EQ(target_of("fp32-5"), "1.1");
}

TEST_F(Standing, TheLastFailureEndsItThoughNobodyComesAnyMore) {
  add_device("fp32-1");
  const auto id = completed();
  for (int i = 2; i <= 4; ++i) add_device("fp32-" + std::to_string(i));
  tick();
  pass(seconds(1));
  report_all(id, "notified", "rejected", "validate_rejected");
  tick();
  EXPECT_FALSE(stands(id));
}

TEST_F(Standing, UnassigningTellsNobodyNewAndLeavesStragglersTheirs) {
  add_device("fp32-1");
  add_device("fp32-2");
  set_presence("fp32-2", "offline");
  const auto id = completed();
  add_device("fp32-3");
  set_presence("fp32-3", "offline");
  tick();
  EXPECT_EQ(devices_in(id, "queued"), (Names{"fp32-2", "fp32-3"}));
  operate(id, Operation::unassign).value();
  set_presence("fp32-2", "online");
  set_presence("fp32-3", "online");
  add_device("fp32-4");
  for (int i = 0; i < 3; ++i) tick();
  EXPECT_EQ(devices_in(id, "notified"), Names{"fp32-2"});
  EXPECT_EQ(devices_in(id, "cancelled"), Names{"fp32-3"});
  EXPECT_EQ(target_of("fp32-4"), "");
  EXPECT_EQ(audits("rollout.unassign"), 1);
  expect_true_counts(id);
}

TEST_F(Standing, ARollBackEndsItAndLeavesDevicesToWhatStandsBeside) {
  publish("1.2");
  add_device_in("fp32-1", "berlin");
  const auto old = completed("labels.site = berlin", "1.1");
  add_device_in("fp32-2", "bonn", "");
  const auto newer = completed("labels.site = bonn", "1.2");
  ASSERT_EQ(target_of("fp32-2"), "1.2");
  label("fp32-2", R"({"site": "berlin"})");
  tick();
  EXPECT_EQ(target_of("fp32-2"), "1.2");
  operate(newer, Operation::rollback).value();
  for (int i = 0; i < 4; ++i) tick();
  EXPECT_EQ(state_of(newer), RolloutState::rolled_back);
  EXPECT_FALSE(get(newer).record.standing);
  EXPECT_EQ(target_of("fp32-2"), "1.1") << "it had nothing to go back to: what stands is better than what was recalled";
  EXPECT_EQ(devices_in(old, "notified"), Names{"fp32-2"});
}

TEST_F(Standing, ADeviceThatANewerRolloutLetGoGetsWhatStands) {
  publish("1.2");
  add_device("fp32-1");
  const auto old = completed("", "1.1");
  add_device("fp32-2", "fp32", "1.0");
  database.exec("delete from rollout_newcomers");  // so that the newer one is first
  pass(seconds(1));
  const auto newer = created_for("", "1.2", lenient(), false);
  operate(newer, Operation::start).value();
  tick();
  ASSERT_EQ(target_of("fp32-2"), "1.2");
  operate(newer, Operation::halt).value();
  for (int i = 0; i < 3; ++i) tick();
  EXPECT_EQ(target_of("fp32-2"), "1.1") << "it was on its way, and its way back is no wish";
  EXPECT_EQ(get(old).record.newcomers, 1);
}

TEST_F(Standing, TwoServersTakeADeviceInOnce) {
  add_device("fp32-1");
  const auto id = completed();
  add_device("fp32-2");
  RolloutService other(pool, *patches, {.guard_interval = Duration{0}});
  int done = 0;
  for (RolloutService* service : {&*rollouts, &other}) {
    boost::asio::co_spawn(io, service->tick(now), [&done](std::exception_ptr, Result<std::size_t> ticked) {
      ++done;
      EXPECT_TRUE(ticked) << ticked.error().message;
    });
  }
  io.restart();
  while (done < 2) io.run_one();
  EXPECT_EQ(decisions(id, "join"), 1);
  EXPECT_EQ(devices_in(id, "notified"), Names{"fp32-2"});
}

TEST_F(Standing, ALargeFleetIsLookedAtInPieces) {
  add_device("fp32-1");
  const auto id = completed("", "1.1", lenient(), false);
  database.exec(
      "insert into devices (id, hardware_class, enrolled_at) select 'more-' || lpad(n::text, 5, '0'), 'fp32', '" +
      to_rfc3339(now) + "' from generate_series(1, 5200) as n");
  tick();
  operate(id, Operation::assign).value();
  for (int i = 0; i < 4; ++i) tick();
  EXPECT_EQ(get(id).record.newcomers, 5200);
  EXPECT_EQ(get(id).record.waves.back().planned, 5201);
  EXPECT_EQ(database.value<int>("select count(*) from rollouts where stands_looked_up_to is not null"), 0);
  expect_true_counts(id);
}

}  // namespace
}  // namespace argosy::server
