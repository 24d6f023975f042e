// When and to whom a rollout goes, on PostgreSQL: schedule, approval, pace, promotion of all waves, maintenance
// windows.
#include <boost/asio/co_spawn.hpp>

#include "tests/db/rollouts/rollout_fleet.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class RolloutLaunch : public RolloutFleet {
 protected:
  RolloutLaunch() { add_twelve(); }

  Result<RolloutDetails> call(OperatorCall call) { return run(rollouts->operate(std::move(call), now)); }
  Result<RolloutDetails> by(const std::string& name, std::int64_t id, Operation operation,
                            const std::string& comment = "") {
    return call({.rollout = id,
                 .operation = operation,
                 .if_match = "*",
                 .actor = "user:" + name,
                 .person = "user:" + std::to_string(name.size()),
                 .comment = comment});
  }
  std::int64_t created_by(const std::string& name, const json& policy) {
    const auto id = create("1.1", policy);
    database.exec("update rollouts set created_by = 'user:" + name +
                  "', created_by_person = 'user:" + std::to_string(name.size()) + "' where id = " + std::to_string(id));
    return id;
  }
  Result<RolloutDetails> start_at(std::int64_t id, Instant at) {
    return call({.rollout = id, .operation = Operation::start, .if_match = "*", .actor = "user:ada", .start_at = at});
  }
  std::string last_message(std::int64_t id) {
    return database.value<std::string>(
        "select message from rollout_decisions where rollout_id = " + std::to_string(id) + " order by id desc limit 1");
  }
  // Another instance begins with nothing in memory.
  void restart_server() { rollouts.emplace(pool, *patches, RolloutOptions{.guard_interval = Duration{0}}); }
};

TEST_F(RolloutLaunch, PromotingAllPastARequiredGuardIsAskedForAndLogged) {
  const auto id = started("1.1", {{"waves", {{{"share", 0.25}}, {{"share", 0.5}}, {{"share", 1.0}}}},
                                  {"guards", {{{"metric", "latency_p95"}, {"mode", "required"}}}}});
  tick();
  OperatorCall all{.rollout = id, .operation = Operation::promote, .if_match = "*", .actor = "user:ada", .all = true};
  const auto refused = call(all);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::illegal_transition);
  EXPECT_NE(refused.error().message.find("the guard latency_p95 is required"), std::string::npos)
      << refused.error().message;
  EXPECT_EQ(get(id).record.wave, 0);
  all.override_guards = true;
  EXPECT_TRUE(call(all).value().record.overrides_guards);
  EXPECT_NE(last_message(id).find("the required guard latency_p95, which has not passed, is overridden"),
            std::string::npos)
      << last_message(id);
  for (int i = 0; i < 3; ++i) {
    report_all(id, "notified", "committed");
    tick();
  }
  EXPECT_EQ(get(id).record.wave, 2);
  call({.rollout = id, .operation = Operation::pause, .if_match = "*", .actor = "user:ada"}).value();
  EXPECT_FALSE(get(id).record.overrides_guards) << "a pause ends it";
}

// Schedule
// -------------------------------------------------------------------------------------------------------------

TEST_F(RolloutLaunch, AScheduledRolloutStartsInTimeAlsoAfterARestart) {
  const auto id = create();
  const auto scheduled = start_at(id, now + hours(1)).value().record;
  EXPECT_EQ(scheduled.state, RolloutState::scheduled);
  EXPECT_FALSE(scheduled.started_at);
  tick();
  EXPECT_TRUE(devices_in(id, "notified").empty());
  restart_server();
  pass(minutes(59));
  tick();
  EXPECT_EQ(state_of(id), RolloutState::scheduled);
  add_device("fp32-9");
  pass(minutes(1));
  tick();
  EXPECT_EQ(state_of(id), RolloutState::running);
  EXPECT_EQ(situation_of(get(id).record).planned, 13) << "planned for the fleet as it is then";
  EXPECT_EQ(devices_in(id, "notified").size(), 3U);
  EXPECT_EQ(get(id).record.started_at, now);
  EXPECT_EQ(last_message(id).find(" late"), std::string::npos) << last_message(id);
}

TEST_F(RolloutLaunch, ALateStartSaysSo) {
  const auto id = create("1.1", {{"start_grace_s", 60}});
  start_at(id, now + hours(1)).value();
  pass(hours(1) + seconds(61));
  tick();
  EXPECT_EQ(state_of(id), RolloutState::running);
  EXPECT_NE(last_message(id).find(", 61 s late, for 12 devices"), std::string::npos) << last_message(id);
}

TEST_F(RolloutLaunch, TwoServersStartItOnce) {
  const auto id = create();
  start_at(id, now + hours(1)).value();
  pass(hours(2));
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
  EXPECT_EQ(decisions(id, "start"), 1);
  EXPECT_EQ(devices_in(id, "notified").size(), 3U);
}

TEST_F(RolloutLaunch, CancelTakesItBackToDraftForGood) {
  const auto id = create();
  start_at(id, now + hours(1)).value();
  EXPECT_EQ(operate(id, Operation::cancel).value().record.state, RolloutState::draft);
  EXPECT_FALSE(get(id).record.start_at);
  pass(hours(2));
  tick();
  EXPECT_EQ(state_of(id), RolloutState::draft);
  EXPECT_EQ(operate(id, Operation::start).value().record.state, RolloutState::running);
}

TEST_F(RolloutLaunch, AScheduledRolloutCanBeHalted) {
  const auto id = create();
  start_at(id, now + hours(1)).value();
  EXPECT_EQ(operate(id, Operation::halt).value().record.state, RolloutState::halted);
  pass(hours(2));
  tick();
  EXPECT_EQ(state_of(id), RolloutState::halted);
  EXPECT_EQ(database.value<int>("select count(*) from device_targets"), 0);
}

TEST_F(RolloutLaunch, WhenItsTimeFindsNoDeviceItIsADraftAgain) {
  const auto id = create();
  start_at(id, now + hours(1)).value();
  database.exec("update devices set revoked_at = now()");
  pass(hours(2));
  tick();
  EXPECT_EQ(state_of(id), RolloutState::draft);
  EXPECT_NE(get(id).record.reason.find("no device matches the filter"), std::string::npos);
}

TEST_F(RolloutLaunch, ATimeThatHasPassedIsRefused) {
  const auto id = create();
  EXPECT_EQ(start_at(id, now - seconds(1)).error().code, Errc::invalid_argument);
  EXPECT_EQ(state_of(id), RolloutState::draft);
}

TEST_F(RolloutLaunch, ATimeIsPlannedWithTheDraftAsWell) {
  NewRollout wanted{"some", "digits", "1.1", "", Policy{}};
  wanted.start_at = now + hours(1);
  const auto id = run(rollouts->create(wanted, "user:ada", now)).value().id;
  EXPECT_EQ(operate(id, Operation::start).value().record.state, RolloutState::scheduled);
  wanted.start_at = now;
  EXPECT_EQ(run(rollouts->create(wanted, "user:ada", now)).error().code, Errc::invalid_argument);
}

// Approval
// -------------------------------------------------------------------------------------------------------------

const json four_eyes{{"approval", {{"required", true}}}};

TEST_F(RolloutLaunch, AnotherAccountApprovesAndItStarts) {
  const auto id = created_by("ada", four_eyes);
  EXPECT_EQ(by("ada", id, Operation::start).value().record.state, RolloutState::awaiting_approval);
  tick();
  EXPECT_TRUE(devices_in(id, "notified").empty());
  const auto approved = by("grace", id, Operation::approve, "looks right").value().record;
  EXPECT_EQ(approved.state, RolloutState::running);
  EXPECT_EQ(approved.approved_by, "user:grace");
  EXPECT_EQ(database.value<std::string>("select actor || ' ' || message from rollout_decisions where decision = "
                                        "'approve'"),
            "user:grace approved by user:grace: looks right");
  tick();
  EXPECT_EQ(devices_in(id, "notified").size(), 3U);
}

TEST_F(RolloutLaunch, TheMakersOwnApprovalIsForbidden) {
  const auto id = created_by("ada", four_eyes);
  by("ada", id, Operation::start).value();
  for (const auto operation : {Operation::approve, Operation::refuse}) {
    const auto own = by("ada", id, operation);
    ASSERT_FALSE(own);
    EXPECT_EQ(own.error().code, Errc::forbidden);
    EXPECT_NE(own.error().message.find("another account has to approve"), std::string::npos);
  }
  const auto token =
      call({.rollout = id, .operation = Operation::approve, .if_match = "*", .actor = "token:ci", .person = "user:3"});
  EXPECT_EQ(token.error().code, Errc::forbidden) << "a token that she made";
  EXPECT_EQ(state_of(id), RolloutState::awaiting_approval);
}

TEST_F(RolloutLaunch, ARefusalIsADraftAgainWithItsReason) {
  const auto id = created_by("ada", four_eyes);
  by("ada", id, Operation::start).value();
  const auto refused = by("grace", id, Operation::refuse, "not on a Friday").value().record;
  EXPECT_EQ(refused.state, RolloutState::draft);
  EXPECT_EQ(refused.reason, "refused by user:grace: not on a Friday");
  EXPECT_EQ(by("ada", id, Operation::start).value().record.state, RolloutState::awaiting_approval);
}

TEST_F(RolloutLaunch, AnApprovalIsForOneStart) {
  const auto id = created_by("ada", four_eyes);
  call({.rollout = id, .operation = Operation::start, .if_match = "*", .actor = "user:ada", .start_at = now + hours(1)})
      .value();
  EXPECT_EQ(by("grace", id, Operation::approve).value().record.state, RolloutState::scheduled);
  by("ada", id, Operation::cancel).value();
  EXPECT_EQ(get(id).record.approved_by, "");
  EXPECT_EQ(by("ada", id, Operation::start).value().record.state, RolloutState::awaiting_approval);
}

TEST_F(RolloutLaunch, TheServerMayAskForApprovalOfAll) {
  const auto id = create();
  rollouts.emplace(pool, *patches, RolloutOptions{.guard_interval = Duration{0}, .approval_required = true});
  EXPECT_EQ(operate(id, Operation::start).value().record.state, RolloutState::awaiting_approval);
}

TEST_F(RolloutLaunch, OfTwoWhoDecideAtOnceOneDoes) {
  const auto id = created_by("ada", four_eyes);
  const auto etag = std::to_string(by("ada", id, Operation::start).value().record.etag);
  int done = 0;
  int decided = 0;
  for (const auto operation : {Operation::approve, Operation::refuse}) {
    OperatorCall call{
        .rollout = id, .operation = operation, .if_match = etag, .actor = "user:grace", .person = "user:5"};
    boost::asio::co_spawn(io, rollouts->operate(std::move(call), now),
                          [&](std::exception_ptr, Result<RolloutDetails> outcome) {
                            ++done;
                            decided += outcome ? 1 : 0;
                            EXPECT_TRUE(outcome || outcome.error().code == Errc::precondition_failed);
                          });
  }
  io.restart();
  while (done < 2) io.run_one();
  EXPECT_EQ(decided, 1);
  EXPECT_EQ(decisions(id, "approve") + decisions(id, "refuse"), 1);
}

// Pace and waves
// -------------------------------------------------------------------------------------------------------------

TEST_F(RolloutLaunch, TellsAtItsPaceAlsoAfterARestart) {
  const auto id = started("1.1", {{"waves", {{{"share", 1}}}}, {"pace", {{"per_minute", 12}}}});
  tick();
  EXPECT_EQ(devices_in(id, "notified").size(), 1U);
  restart_server();
  tick();
  EXPECT_EQ(devices_in(id, "notified").size(), 1U);
  for (int i = 0; i < 3; ++i) {
    pass(seconds(5));
    tick();
  }
  EXPECT_EQ(devices_in(id, "notified").size(), 4U);
}

TEST_F(RolloutLaunch, DevicesThatHaveItAlreadyUseUpNoPace) {
  for (int i = 1; i <= 6; ++i) install("fp32-" + std::to_string(i), "1.1");
  const auto id = started("1.1", {{"waves", {{{"share", 1}}}}, {"pace", {{"per_minute", 72}}}});
  tick();
  EXPECT_EQ(devices_in(id, "succeeded").size(), 6U);
  EXPECT_EQ(devices_in(id, "notified").size(), 6U);
}

TEST_F(RolloutLaunch, NoMoreDevicesDownloadThanMay) {
  const auto id = started("1.1", {{"waves", {{{"share", 1}}}}, {"max_downloads", 2}});
  tick();
  auto told = devices_in(id, "notified");
  ASSERT_EQ(told.size(), 2U);
  report(id, told[0], "downloading");
  tick();
  EXPECT_EQ(devices_in(id, "notified").size(), 1U);
  report(id, told[0], "validating");
  tick();
  EXPECT_EQ(devices_in(id, "notified").size(), 2U);
}

TEST_F(RolloutLaunch, ACountOfDevicesIsACanary) {
  const auto id = create("1.1", {{"waves", {{{"devices", 2}}, {{"per_mille", 500}}, {{"share", 1}}}}});
  const auto waves = get(id).record.waves;
  EXPECT_EQ(waves[0].planned, 2);
  EXPECT_EQ(waves[1].planned, 4);
  EXPECT_EQ(waves[2].planned, 6);
}

TEST_F(RolloutLaunch, PromoteAllOpensWaveAfterWaveWithoutBakes) {
  const auto id = started("1.1", {{"waves", {{{"devices", 2}}, {{"devices", 4}}, {{"devices", 6}}, {{"share", 1}}}},
                                  {"gate", {{"bake_s", 3600}, {"manual", true}}}});
  tick();
  const auto promoted =
      call({.rollout = id, .operation = Operation::promote, .if_match = "*", .actor = "user:ada", .all = true})
          .value()
          .record;
  EXPECT_EQ(promoted.wave, 1);
  EXPECT_TRUE(promoted.promote_all);
  tick();
  EXPECT_EQ(get(id).record.wave, 1) << "its devices have no outcome yet";
  report_all(id, "notified", "committed");
  tick();
  EXPECT_EQ(get(id).record.wave, 2);
  report_all(id, "notified", "committed");
  tick();
  EXPECT_EQ(get(id).record.wave, 3);
  report_all(id, "notified", "committed");
  tick();
  EXPECT_EQ(state_of(id), RolloutState::running) << "the last wave bakes";
}

TEST_F(RolloutLaunch, APauseEndsThePromotionOfAll) {
  const auto id = started("1.1", {{"waves", {{{"devices", 2}}, {{"devices", 4}}, {{"share", 1}}}}});
  call({.rollout = id, .operation = Operation::promote, .if_match = "*", .actor = "user:ada", .all = true}).value();
  operate(id, Operation::pause).value();
  EXPECT_FALSE(operate(id, Operation::resume).value().record.promote_all);
}

// Dynamic targets
// -------------------------------------------------------------------------------------------------------------

TEST_F(RolloutLaunch, DevicesThatComeLaterJoinTheLastWaveOfADynamicRollout) {
  const auto frozen = started();
  operate(frozen, Operation::pause).value();
  const auto id = started("1.1", {{"targets", "dynamic"}});
  add_device("fp32-9");
  pass(seconds(10));
  tick();
  EXPECT_EQ(get(id).record.waves[0].planned, 3);
  EXPECT_EQ(get(id).record.waves[1].planned, 10);
  EXPECT_EQ(total_counts(get(id).record), recount(id));
  EXPECT_EQ(decisions(id, "join"), 1);
  EXPECT_EQ(situation_of(get(frozen).record).planned, 12);
  report_all(id, "notified", "committed");
  tick();
  report_all(id, "notified", "committed");
  tick();
  EXPECT_EQ(state_of(id), RolloutState::completed);
  EXPECT_EQ(target_of("fp32-9"), "1.1");
}

TEST_F(RolloutLaunch, ALastWaveThatWasEmptyTakesThoseWhoCome) {
  const auto id = started("1.1", {{"targets", "dynamic"}, {"waves", {{{"devices", 50}}, {{"share", 1}}}}});
  tick();
  add_device("fp32-9");
  pass(seconds(10));
  tick();
  EXPECT_EQ(get(id).record.waves[1].planned, 1);
  report_all(id, "notified", "committed");
  tick();
  report_all(id, "notified", "committed");
  tick();
  EXPECT_EQ(state_of(id), RolloutState::completed);
  EXPECT_EQ(total_counts(get(id).record), (Counts{{"succeeded", 13}}));
}

// Maintenance windows
// -------------------------------------------------------------------------------------------------------------

class RolloutWindows : public RolloutLaunch {
 protected:
  RolloutWindows() { now = parse_rfc3339("2026-07-01T12:00:00Z").value(); }

  void set_zone(const std::string& device, const std::string& zone) {
    database.exec("update devices set labels = jsonb_build_object('time_zone', '" + zone + "') where id = '" + device +
                  "'");
  }
  static json window(const std::string& zone = "device") {
    return {{"waves", {{{"share", 1}}}},
            {"in_progress_timeout_s", 1800},
            {"maintenance", {{"from", "22:00"}, {"to", "23:00"}, {"time_zone", zone}}}};
  }
};

TEST_F(RolloutWindows, EachDeviceIsToldInItsOwnHours) {
  set_zone("fp32-1", "Asia/Tokyo");        // 21:00
  set_zone("fp32-2", "Asia/Vladivostok");  // 22:00
  const auto id = started("1.1", window());
  tick();
  EXPECT_EQ(devices_in(id, "notified"), std::vector<std::string>{"fp32-2"});
  EXPECT_NE(get(id).gate.find("11 wait for their maintenance window"), std::string::npos) << get(id).gate;
  pass(hours(1));
  tick();
  EXPECT_EQ(devices_in(id, "notified"), (std::vector<std::string>{"fp32-1", "fp32-2"}));
}

// In Berlin summer is two hours ahead, and winter one.
TEST_F(RolloutWindows, FollowsTheClocksThatPeopleSet) {
  const auto id = started("1.1", window("Europe/Berlin"));
  now = parse_rfc3339("2026-10-24T20:00:00Z").value();
  tick();
  EXPECT_EQ(devices_in(id, "notified").size(), 12U);
  const auto later = started("1.1", window("Europe/Berlin"));
  now = parse_rfc3339("2026-10-25T20:59:00Z").value();
  tick();
  EXPECT_TRUE(devices_in(later, "notified").empty());
  now = parse_rfc3339("2026-10-25T21:00:00Z").value();
  tick();
  EXPECT_EQ(devices_in(later, "notified").size(), 12U);
}

TEST_F(RolloutWindows, TimeOutsideTheWindowDoesNotCount) {
  set_zone("fp32-2", "Asia/Vladivostok");
  const auto id = started("1.1", window());
  pass(minutes(40));
  tick();
  report(id, "fp32-2", "downloading");
  pass(hours(12));
  tick();
  EXPECT_EQ(devices_in(id, "downloading"), std::vector<std::string>{"fp32-2"});
  now = parse_rfc3339("2026-07-02T12:09:00Z").value();
  tick();
  EXPECT_EQ(devices_in(id, "downloading"), std::vector<std::string>{"fp32-2"});
  pass(minutes(1));
  tick();
  EXPECT_EQ(devices_in(id, "timeout"), std::vector<std::string>{"fp32-2"});
}

TEST_F(RolloutWindows, ATimeZoneThatIsNoneIsSaidAndHoldsUpNobody) {
  set_zone("fp32-1", "Mars/Base");
  set_zone("fp32-2", "Asia/Vladivostok");
  const auto id = started("1.1", window());
  tick();
  EXPECT_EQ(devices_in(id, "notified"), std::vector<std::string>{"fp32-2"});
  EXPECT_NE(get(id).gate.find("'Mars/Base'"), std::string::npos) << get(id).gate;
}

TEST_F(RolloutWindows, APolicyWithATimeZoneThatIsNoneIsRefused) {
  NewRollout wanted{"some", "digits", "1.1", "", decode_policy(window("Mars/Base")).value()};
  const auto made = run(rollouts->create(wanted, "user:ada", now));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Errc::invalid_argument);
  EXPECT_NE(made.error().message.find("'Mars/Base' is no time zone"), std::string::npos);
}

TEST_F(RolloutWindows, ADeviceThatWaitsForItsOwnerIsNotTimedOut) {
  const auto id = started("1.1", {{"waves", {{{"share", 1}}}}, {"in_progress_timeout_s", 60}});
  tick();
  report_held(id, "fp32-1", true);
  for (const auto& device : devices_in(id, "notified")) report(id, device, "committed");
  pass(hours(5));
  tick();
  EXPECT_EQ(devices_in(id, "downloading"), std::vector<std::string>{"fp32-1"});
  report_held(id, "fp32-1", false);
  pass(seconds(59));
  tick();
  EXPECT_EQ(devices_in(id, "downloading"), std::vector<std::string>{"fp32-1"});
  pass(seconds(1));
  tick();
  EXPECT_EQ(devices_in(id, "timeout"), std::vector<std::string>{"fp32-1"});
}

// Dead while it waited: nobody waits for it for ever.
TEST_F(RolloutWindows, ADeviceThatGoesAwayWhileItWaitsIsTimedOutFromThen) {
  const auto id = started("1.1", {{"waves", {{{"share", 1}}}}, {"in_progress_timeout_s", 60}});
  tick();
  report_held(id, "fp32-1", true);
  pass(hours(5));
  set_presence("fp32-1", "offline");
  pass(seconds(59));
  tick();
  EXPECT_EQ(devices_in(id, "downloading"), std::vector<std::string>{"fp32-1"});
  pass(seconds(1));
  tick();
  EXPECT_FALSE(devices_in(id, "timeout").empty());
  EXPECT_TRUE(devices_in(id, "downloading").empty());
}

}  // namespace
}  // namespace argosy::server
