#include "server/rollouts/rollout_service.hpp"

#include <boost/asio/co_spawn.hpp>

#include "common/stats/log_histogram.hpp"
#include "tests/db/rollouts/rollout_fleet.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using Names = std::vector<std::string>;

// Plan and start
// -------------------------------------------------------------------------------------------------------

TEST_F(RolloutFleet, ADraftHasItsPlanAndTellsNobody) {
  add_twelve();
  const auto id = create();
  tick();
  const auto rollout = get(id).record;
  EXPECT_EQ(rollout.state, RolloutState::draft);
  ASSERT_EQ(rollout.waves.size(), 2U);
  EXPECT_EQ(rollout.waves[0].planned, 3);
  EXPECT_EQ(rollout.waves[1].planned, 9);
  EXPECT_EQ(total_counts(rollout), (Counts{{"queued", 12}}));
  EXPECT_EQ(database.value<int>("select count(*) from device_targets"), 0);
}

TEST_F(RolloutFleet, TheFilterAndRevocationDecideWhoTakesPart) {
  add_twelve();
  database.exec("update devices set revoked_at = now() where id = 'int8-1'");
  NewRollout wanted{"some", "digits", "1.1", "hardware_class = \"int8\"", Policy{}};
  const auto rollout = run(rollouts->create(wanted, "user:ada", now)).value();
  EXPECT_EQ(situation_of(rollout).planned, 5);
  wanted.version = "9.9";
  EXPECT_EQ(run(rollouts->create(wanted, "user:ada", now)).error().code, Errc::not_found);
  wanted.version = "1.1";
  wanted.filter = "hardware_class ~ 1";
  EXPECT_EQ(run(rollouts->create(wanted, "user:ada", now)).error().code, Errc::filter_syntax);
}

TEST_F(RolloutFleet, StartPlansForTheFleetAsItIsThen) {
  add_device("fp32-1");
  const auto id = create();
  add_device("fp32-2");
  operate(id, Operation::start).value();
  EXPECT_EQ(situation_of(get(id).record).planned, 2);
}

TEST_F(RolloutFleet, TellsTheCanariesAndRaisesTheirRevision) {
  add_twelve();
  const auto id = started();
  tick();
  EXPECT_EQ(devices_in(id, "notified").size(), 3U);
  EXPECT_EQ(database.value<int>("select count(*) from device_targets t join releases l on l.id = t.release_id "
                                "where l.version = '1.1'"),
            3);
  EXPECT_EQ(database.value<int>("select count(*) from devices where desired_rev = 1"), 3);
  EXPECT_EQ(database.value<int>("select count(*) from rollout_devices q join releases l on l.id = "
                                "q.previous_release_id where l.version = '1.0'"),
            3);
}

// Waves
// ----------------------------------------------------------------------------------------------------------------

TEST_F(RolloutFleet, GoesThroughItsWavesToTheEnd) {
  add_twelve();
  const auto id = started();
  tick();
  report_all(id, "notified", "downloading");
  tick();
  EXPECT_EQ(get(id).record.wave, 0);
  report_all(id, "downloading", "committed");
  tick();
  EXPECT_EQ(get(id).record.wave, 1);
  EXPECT_EQ(devices_in(id, "notified").size(), 9U);
  report_all(id, "notified", "committed");
  tick();
  const auto rollout = get(id).record;
  EXPECT_EQ(rollout.state, RolloutState::completed);
  EXPECT_EQ(total_counts(rollout), (Counts{{"succeeded", 12}}));
  EXPECT_EQ(rollout.bytes_sent, 12 * 12'000);
  EXPECT_EQ(rollout.bytes_full, 12 * 1'000'000);
  EXPECT_EQ(decisions(id, "open wave 2"), 1);
  EXPECT_EQ(decisions(id, "complete"), 1);
}

TEST_F(RolloutFleet, OfflineDevicesBlockNothingAndFollowWhenTheyAreSeen) {
  add_twelve();
  for (const auto* device : {"fp32-1", "int8-4"}) set_presence(device, "offline");
  const auto id = started();
  for (int i = 0; i < 3; ++i) {
    tick();
    report_all(id, "notified", "committed");
  }
  tick();
  EXPECT_EQ(state_of(id), RolloutState::completed);
  EXPECT_EQ(devices_in(id, "queued"), (Names{"fp32-1", "int8-4"}));
  set_presence("int8-4", "online");
  tick();
  EXPECT_EQ(devices_in(id, "notified"), (Names{"int8-4"}));
  report_all(id, "notified", "committed");
  EXPECT_EQ(total_counts(get(id).record), (Counts{{"succeeded", 11}, {"queued", 1}}));
}

TEST_F(RolloutFleet, RefusedReleasesHaltAndHaltedStaysHalted) {
  add_twelve();
  const auto id = started();
  tick();
  report_all(id, "notified", "rejected", "validate_rejected");
  tick();
  EXPECT_EQ(state_of(id), RolloutState::halted);
  EXPECT_EQ(decisions(id, "halt"), 1);
  for (int i = 0; i < 3; ++i) tick();
  EXPECT_EQ(devices_in(id, "queued").size(), 9U);
  const auto refused = operate(id, Operation::resume);
  EXPECT_EQ(refused.error().code, Errc::illegal_transition);
  EXPECT_EQ(refused.error().message, "a halted rollout stays halted: create a new one");
}

TEST_F(RolloutFleet, HaltTakesBackWhatHasNotBegunToServe) {
  add_twelve();
  const auto id = started();
  tick();
  const auto canaries = devices_in(id, "notified");
  report(id, canaries[0], "downloading");
  report(id, canaries[1], "probation");
  operate(id, Operation::halt).value();
  EXPECT_EQ(total_counts(get(id).record), (Counts{{"cancelled", 2}, {"probation", 1}, {"queued", 9}}));
  EXPECT_EQ(target_of(canaries[0]), "1.0");
  EXPECT_EQ(target_of(canaries[1]), "1.1") << "it serves the release already and ends its own probation";
  report(id, canaries[1], "committed");
  EXPECT_EQ(devices_in(id, "succeeded"), (Names{canaries[1]}));
}

TEST_F(RolloutFleet, AFailureInProbationSendsTheOthersBack) {
  add_twelve();
  const auto id = started();
  tick();
  const auto canaries = devices_in(id, "notified");
  report(id, canaries[0], "committed");
  report(id, canaries[1], "probation");
  report(id, canaries[2], "rolled_back", "probation_latency");
  tick();
  EXPECT_EQ(state_of(id), RolloutState::rolling_back);
  EXPECT_EQ(devices_in(id, "rolling_back"), (Names{canaries[0], canaries[1]}));
  for (const auto& device : canaries) EXPECT_EQ(target_of(device), "1.0");
  serve(canaries[0], "1.0");
  tick();
  EXPECT_EQ(state_of(id), RolloutState::rolling_back);
  serve(canaries[1], "1.0");
  tick();
  EXPECT_EQ(state_of(id), RolloutState::rolled_back);
  EXPECT_EQ(total_counts(get(id).record), (Counts{{"rolled_back", 2}, {"probation_latency", 1}, {"queued", 9}}));
}

TEST_F(RolloutFleet, AFirstInstallationHasNothingToGoBackTo) {
  add_device("fp32-1", "fp32", "");
  const auto id = started();
  tick();
  report(id, "fp32-1", "committed");
  operate(id, Operation::rollback).value();
  tick();
  EXPECT_EQ(state_of(id), RolloutState::rolled_back);
  EXPECT_EQ(devices_in(id, "succeeded"), (Names{"fp32-1"}));
  EXPECT_EQ(target_of("fp32-1"), "1.1");
}

// Devices
// --------------------------------------------------------------------------------------------------------------

TEST_F(RolloutFleet, ADeviceThatServesItAlreadyHasNoWork) {
  add_device("fp32-1", "fp32", "1.1");
  const auto id = started();
  tick();
  const auto page = run(rollouts->devices(id, "already_installed", "", 10, now)).value();
  ASSERT_EQ(page.items.size(), 1U);
  EXPECT_EQ(page.items[0].step, DeviceStep::succeeded);
  EXPECT_EQ(state_of(id), RolloutState::completed);
}

TEST_F(RolloutFleet, ADeviceThatNoVariantSuitsFailsWithTheReason) {
  add_device("tpu-1", "tpu");
  add_device("fp32-1");
  const auto id = started("1.1", {{"waves", {{{"share", 1.0}}}}});
  tick();
  const auto page = run(rollouts->devices(id, "incompatible", "", 10, now)).value();
  ASSERT_EQ(page.items.size(), 1U);
  EXPECT_EQ(page.items[0].device, "tpu-1");
  EXPECT_NE(page.items[0].message.find("precision"), std::string::npos) << page.items[0].message;
  EXPECT_EQ(target_of("tpu-1"), "");
}

TEST_F(RolloutFleet, ADeviceWaitsForItsPatchAndThenIsOfferedIt) {
  add_device("fp32-1");
  const auto id = started("1.1", {{"patch_wait_s", 600}});
  tick();
  EXPECT_EQ(devices_in(id, "queued").size(), 1U);
  EXPECT_EQ(database.value<std::string>("select state from patches"), "pending");
  tick();
  EXPECT_EQ(devices_in(id, "queued").size(), 1U);
  database.exec("insert into blobs (digest, size) values ('" + digest_of("patch") + "', 4000)");
  database.exec("update patches set state = 'ready', codec = 'bsdiff', digest = '" + digest_of("patch") +
                "', size = 4000");
  tick();
  EXPECT_EQ(devices_in(id, "notified").size(), 1U);
  const auto document = run(desired->get(DeviceId{"fp32-1"})).value();
  ASSERT_EQ(document.models.size(), 1U);
  ASSERT_EQ(document.models[0].patches.size(), 1U);
  EXPECT_EQ(document.models[0].patches[0].base_digest, digest_of("1.0fp32"));
  EXPECT_EQ(document.models[0].patches[0].blob.size, 4000U);
}

// The others have no file that a patch could start from, and so nothing to wait for.
TEST_F(RolloutFleet, CanariesThatWaitForTheirPatchesLetNoLaterWaveGoBefore) {
  add_twelve();
  const auto id = started("1.1", {{"patch_wait_s", 600}});
  database.exec(
      "delete from device_models where device_id in (select device_id from rollout_devices where wave = 1 and "
      "rollout_id = " +
      std::to_string(id) + ")");
  tick();
  tick();
  EXPECT_EQ(devices_in(id, "queued").size(), 12U);
}

TEST_F(RolloutFleet, APatchThatTakesTooLongIsNotWaitedForAnyLonger) {
  add_device("fp32-1");
  const auto id = started("1.1", {{"patch_wait_s", 600}});
  tick();
  pass(seconds(700));
  tick();
  EXPECT_EQ(devices_in(id, "notified").size(), 1U);
}

TEST_F(RolloutFleet, ARevokedDeviceLeavesTheRollout) {
  add_twelve();
  const auto id = started();
  tick();
  const auto gone = devices_in(id, "notified").front();
  database.exec("update devices set revoked_at = now() where id = '" + gone + "'");
  tick();
  EXPECT_EQ(devices_in(id, "decommissioned"), (Names{gone}));
}

TEST_F(RolloutFleet, ANewerRolloutTakesTheDeviceOver) {
  add_device("fp32-1");
  publish("1.2");
  const auto older = started("1.1");
  tick();
  pass(seconds(1));
  const auto newer = started("1.2");
  tick();
  EXPECT_EQ(devices_in(older, "superseded"), (Names{"fp32-1"}));
  EXPECT_EQ(target_of("fp32-1"), "1.2");
  operate(older, Operation::rollback).value();
  EXPECT_EQ(target_of("fp32-1"), "1.2") << "it is no longer the older one's to send back";
  EXPECT_EQ(devices_in(newer, "notified"), (Names{"fp32-1"}));
}

TEST_F(RolloutFleet, AnOlderRolloutDoesNotTakeADeviceBack) {
  add_device("fp32-1");
  publish("1.2");
  set_presence("fp32-1", "offline");
  const auto older = started("1.1");
  tick();
  pass(seconds(1));
  const auto newer = started("1.2");
  set_presence("fp32-1", "online");
  operate(older, Operation::pause).value();
  tick();
  EXPECT_EQ(target_of("fp32-1"), "1.2");
  report(newer, "fp32-1", "committed");
  operate(older, Operation::resume).value();
  tick();
  EXPECT_EQ(target_of("fp32-1"), "1.2");
  EXPECT_EQ(devices_in(older, "superseded"), (Names{"fp32-1"}));
}

TEST_F(RolloutFleet, ADeviceWithoutAnOutcomeTimesOutFromWhenItBegan) {
  add_twelve();
  const auto id = started("1.1", {{"in_progress_timeout_s", 100}, {"gate", {{"bake_s", 0}, {"success_share", 0.5}}}});
  tick();
  const auto canaries = devices_in(id, "notified");
  pass(seconds(60));
  report(id, canaries[0], "downloading");
  report(id, canaries[1], "committed");
  set_presence(canaries[2], "offline");
  pass(seconds(99));
  tick();
  EXPECT_TRUE(devices_in(id, "timeout").empty());
  pass(seconds(1));
  tick();
  EXPECT_EQ(devices_in(id, "timeout"), (Names{canaries[0]})) << "one that was told and went away only waits";
  report(id, canaries[0], "committed");
  EXPECT_TRUE(devices_in(id, "timeout").empty()) << "its own word replaces the guess";
  EXPECT_EQ(total_counts(get(id).record), recount(id));
}

TEST_F(RolloutFleet, ARetryRaisesTheAttempt) {
  add_twelve();
  const auto id = started("1.1", {{"abort", json::array()}});
  tick();
  const auto canaries = devices_in(id, "notified");
  report_all(id, "notified", "failed", "download");
  tick();
  EXPECT_EQ(state_of(id), RolloutState::paused);
  EXPECT_EQ(operate(id, Operation::retry, "*", "verify").error().code, Errc::illegal_transition);
  operate(id, Operation::retry, "*", "download").value();
  operate(id, Operation::resume).value();
  tick();
  EXPECT_EQ(devices_in(id, "notified"), canaries);
  EXPECT_EQ(database.value<int>("select min(attempt) from device_targets"), 2);
  report_all(id, "notified", "committed");
  EXPECT_EQ(devices_in(id, "succeeded"), canaries);
}

TEST_F(RolloutFleet, SuccessesOnTooFewObservationsAreCountedApart) {
  add_twelve();
  const auto id = started();
  tick();
  const auto canaries = devices_in(id, "notified");
  report(id, canaries[0], "committed", "probation_too_few");
  report(id, canaries[1], "committed");
  report(id, canaries[2], "rolled_back", "probation_too_few");
  EXPECT_EQ(get(id).record.waves[0].too_few, 1) << "who went back is a failure";
  EXPECT_EQ(total_counts(get(id).record), (Counts{{"succeeded", 2}, {"probation_too_few", 1}, {"queued", 9}}));
  EXPECT_EQ(devices_in(id, "probation_too_few"), (Names{canaries[0], canaries[2]}));
  operate(id, Operation::rollback).value();
  EXPECT_EQ(get(id).record.waves[0].too_few, 0) << "it is no success any more";
}

TEST_F(RolloutFleet, AReportThatComesTwiceIsCountedOnce) {
  add_twelve();
  const auto id = started();
  tick();
  const auto device = devices_in(id, "notified").front();
  for (int i = 0; i < 3; ++i) {
    report(id, device, "committed");
    report(id, device, "downloading");
  }
  EXPECT_EQ(total_counts(get(id).record), (Counts{{"succeeded", 1}, {"notified", 2}, {"queued", 9}}));
  EXPECT_EQ(total_counts(get(id).record), recount(id));
}

// Repeats and rivals
// ---------------------------------------------------------------------------------------------------

TEST_F(RolloutFleet, ATickRepeatedAtTheSameInstantChangesNothing) {
  add_twelve();
  const auto id = started();
  tick();
  const auto etag = get(id).record.etag;
  for (int i = 0; i < 5; ++i) tick();
  EXPECT_EQ(get(id).record.etag, etag);
  EXPECT_EQ(devices_in(id, "notified").size(), 3U);
  EXPECT_EQ(database.value<int>("select max(desired_rev) from devices"), 1);
}

TEST_F(RolloutFleet, TwoServersThatTickAtOnceTellEachDeviceOnce) {
  add_twelve();
  DbPool other_pool(io.get_executor(), {.conninfo = database.conninfo(), .threads = 2});
  RolloutService other{other_pool, *patches, {.guard_interval = Duration{0}}};
  const auto id = started();
  for (int round = 0; round < 6; ++round) {
    int done = 0;
    for (RolloutService* service : {&*rollouts, &other}) {
      boost::asio::co_spawn(io, service->tick(now), [&done](std::exception_ptr, Result<std::size_t> ticked) {
        EXPECT_TRUE(ticked) << ticked.error().message;
        ++done;
      });
    }
    ASSERT_TRUE(test::run_until(io, [&done] { return done == 2; }));
    report_all(id, "notified", "committed");
    pass(seconds(1));
  }
  EXPECT_EQ(state_of(id), RolloutState::completed);
  EXPECT_EQ(database.value<int>("select max(desired_rev) from devices"), 1);
  EXPECT_EQ(decisions(id, "open wave 2"), 1);
  EXPECT_EQ(decisions(id, "complete"), 1);
  EXPECT_EQ(total_counts(get(id).record), recount(id));
}

TEST_F(RolloutFleet, AServerWhoseConnectionsBreakAgainAndAgainLosesAndRepeatsNothing) {
  add_twelve();
  const auto id = started();
  for (int round = 0; round < 40 && state_of(id) != RolloutState::completed; ++round) {
    bool done = false;
    boost::asio::co_spawn(io, rollouts->tick(now), [&done](std::exception_ptr, Result<std::size_t>) { done = true; });
    io.restart();
    io.poll();
    database.disconnect_others();  // in the middle of the tick, or of its commit: what it did is done or undone
    ASSERT_TRUE(test::run_until(io, [&done] { return done; }));
    report_all(id, "notified", "committed");
    pass(seconds(1));
  }
  EXPECT_EQ(state_of(id), RolloutState::completed);
  EXPECT_EQ(database.value<int>("select max(desired_rev) from devices"), 1);
  EXPECT_EQ(decisions(id, "open wave 2"), 1);
  EXPECT_EQ(total_counts(get(id).record), recount(id));
}

// Operators
// ------------------------------------------------------------------------------------------------------------

TEST_F(RolloutFleet, TwoOperatorsDoNotCross) {
  add_twelve();
  const auto id = started();
  const auto etag = std::to_string(get(id).record.etag);
  operate(id, Operation::pause, etag).value();
  const auto late = operate(id, Operation::halt, etag);
  EXPECT_EQ(late.error().code, Errc::precondition_failed);
  EXPECT_EQ(state_of(id), RolloutState::paused);
  EXPECT_EQ(database.value<int>("select count(*) from audit where action = 'rollout.halt'"), 0);
  EXPECT_EQ(database.value<int>("select count(*) from audit where action = 'rollout.pause'"), 1);
}

TEST_F(RolloutFleet, PromoteOpensTheNextWaveWhateverTheGateSays) {
  add_twelve();
  const auto id = started("1.1", {{"gate", {{"manual", true}}}});
  tick();
  report_all(id, "notified", "committed");
  tick();
  EXPECT_EQ(get(id).record.wave, 0);
  EXPECT_EQ(get(id).gate, "3 of 3 devices succeeded; waiting for an operator to promote");
  operate(id, Operation::promote).value();
  tick();
  EXPECT_EQ(devices_in(id, "notified").size(), 9U);
  EXPECT_EQ(operate(id, Operation::promote).error().message, "wave 2 is the last one");
}

TEST_F(RolloutFleet, ResumingAcceptsTheFailuresButOpensNoWave) {
  add_twelve();
  const auto id = started("1.1", {{"abort", {{{"causes", {"*"}}, {"min_executed", 1}, {"share", 0.1}}}}});
  tick();
  const auto canaries = devices_in(id, "notified");
  report(id, canaries[0], "failed", "download");
  tick();
  EXPECT_EQ(state_of(id), RolloutState::paused);
  operate(id, Operation::resume).value();
  EXPECT_EQ(database.value<std::string>("select (inputs->'acknowledged')::text from rollout_decisions "
                                        "where decision = 'resume'"),
            R"({"guards": [], "failures": [1]})");
  database.exec("update rollout_decisions set inputs = '{}'");  // the log is for people
  tick();
  EXPECT_EQ(state_of(id), RolloutState::running);
  report(id, canaries[1], "failed", "download");
  tick();
  EXPECT_EQ(state_of(id), RolloutState::paused);
  EXPECT_EQ(get(id).record.wave, 0);
}

TEST_F(RolloutFleet, RetryingAndPromotingAcceptWhatIsThere) {
  add_twelve();
  const auto id = started("1.1", {{"abort", {{{"causes", {"*"}}, {"min_executed", 1}, {"share", 0.1}}}}});
  tick();
  const auto canaries = devices_in(id, "notified");
  report(id, canaries[0], "failed", "download");
  report(id, canaries[1], "failed", "verify");
  tick();
  const auto accepted = [&] {
    return database.value<std::string>("select failures::text from rollout_acknowledgements");
  };
  operate(id, Operation::retry, "*", "verify").value();
  EXPECT_EQ(accepted(), "[1]") << "what is tried again is no failure now";
  operate(id, Operation::promote).value();
  EXPECT_EQ(accepted(), "[1]");
  tick();
  EXPECT_EQ(state_of(id), RolloutState::running);
}

}  // namespace
}  // namespace argosy::server
