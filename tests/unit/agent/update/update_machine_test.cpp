#include "agent/update/update_machine.hpp"

#include <gtest/gtest.h>

#include "tests/unit/agent/update/update_world.hpp"

namespace argosy::agent {
namespace {

using test::digest_of;
using test::wish_for;
using test::with_chain;
using test::with_dataset;
using test::with_part;
using test::with_patch;
using test::with_patched_part;
using test::with_streamed_patch;
using test::World;
using enum Phase;
using Phases = std::vector<Phase>;

TEST(UpdateMachine, FullFileGoesThroughEveryStateToCommitted) {
  World world = World::serving("1.0", 'a');
  world.wish(with_dataset(wish_for("1.1", 'b')));
  world.run_to_end();
  EXPECT_EQ(world.phases, (Phases{planning, downloading, verifying, validating, activating, probation, committed}));
  EXPECT_EQ(world.served_version(), "1.1");
  EXPECT_TRUE(world.blobs.contains(digest_of('8')));
  EXPECT_TRUE(world.disk.served()->proven);
  EXPECT_EQ(world.disk.content[0]->version, "1.0");
}

TEST(UpdateMachine, PatchIsTakenWhenItsBaseIsOnDisk) {
  World world = World::serving("1.0", 'a');
  world.wish(with_patch(wish_for("1.1", 'b'), 'a'));
  world.run_to_end();
  EXPECT_EQ(world.phases,
            (Phases{planning, downloading, patching, verifying, validating, activating, probation, committed}));
  EXPECT_EQ(world.state.way().source, Source::patch);
  EXPECT_EQ(report("digits", world.state).update->bytes, 100u);
}

TEST(UpdateMachine, StreamedPatchIsFetchedAndAppliedInOne) {
  World world = World::serving("1.0", 'a');
  world.wish(with_streamed_patch(wish_for("1.1", 'b'), 'a'));
  world.run_to_end();
  EXPECT_EQ(world.phases, (Phases{planning, patching, verifying, validating, activating, probation, committed}));
  EXPECT_EQ(world.state.way().source, Source::patch);
  EXPECT_EQ(report("digits", world.state).update->bytes, 100u);
  EXPECT_FALSE(world.blobs.contains(digest_of('9')));
}

TEST(UpdateMachine, StreamedPatchIsTriedAgainWhenTheConnectionBreaks) {
  World world = World::serving("1.0", 'a');
  world.wish(with_streamed_patch(wish_for("1.1", 'b'), 'a'));
  ASSERT_TRUE(world.run_until(patching));
  world.give(FetchProgress{world.state.ticket, 40});
  EXPECT_EQ(world.state.progress, 0.4);
  world.give(FetchFailed{world.state.ticket, make_error(Errc::unavailable, "gone"), true, std::nullopt});
  EXPECT_EQ(world.state.phase, patching);
  EXPECT_TRUE(wake_at(world.state));
  world.run_to_end();
  EXPECT_EQ(world.state.phase, committed);
  EXPECT_EQ(world.state.way().source, Source::patch);
}

TEST(UpdateMachine, AChainOfPatchesIsTakenWhenItIsShorterThanTheWholeFile) {
  World world = World::serving("1.0", 'a');
  world.wish(with_chain(wish_for("1.1", 'b'), 'a', 'c'));
  world.run_to_end();
  EXPECT_EQ(world.state.phase, committed);
  EXPECT_EQ(world.state.way().source, Source::patch);
  EXPECT_EQ(report("digits", world.state).update->bytes, 110u);
  EXPECT_EQ(world.served_version(), "1.1");
}

TEST(UpdateMachine, AFirstStepThatLeadsNowhereIsLeftAlone) {
  World world = World::serving("1.0", 'a');
  auto wish = with_chain(wish_for("1.1", 'b'), 'a', 'c');
  wish.patches.pop_back();
  world.wish(wish);
  world.run_to_end();
  EXPECT_EQ(world.state.way().source, Source::full);
}

TEST(UpdateMachine, PatchAgainstAnotherBaseIsLeftAlone) {
  World world = World::serving("1.0", 'a');
  world.wish(with_patch(wish_for("1.1", 'b'), 'c'));
  world.run_to_end();
  EXPECT_EQ(world.state.way().source, Source::full);
  EXPECT_EQ(world.state.phase, committed);
}

TEST(UpdateMachine, BrokenPatchFallsBackToTheWholeFileAndCountsBoth) {
  World world = World::serving("1.0", 'a');
  world.patch_applies = false;
  world.wish(with_patch(wish_for("1.1", 'b'), 'a'));
  world.run_to_end();
  EXPECT_EQ(world.state.phase, committed);
  EXPECT_EQ(world.state.way().source, Source::full);
  EXPECT_EQ(report("digits", world.state).update->bytes, 1100u);
}

// Versions of several files -------------------------------------------------------------------------------------------

const std::vector<wire::Part> old_parts = {{"model.onnx.data", {digest_of('c'), 500}},
                                           {"labels.txt", {digest_of('d'), 500}}};

World serving_several() {
  return World::serving("1.0", 'a', old_parts);
}

TEST(UpdateMachine, EveryFileOfAVersionComesByAWayOfItsOwn) {
  World world = serving_several();
  const auto model = with_patched_part(with_patch(wish_for("1.1", 'b'), 'a'), "model.onnx.data", 'e', 'c');
  world.wish(with_dataset(with_part(with_part(model, "labels.txt", 'd'), "tokenizer.json", 'f')));
  world.run_to_end();
  EXPECT_EQ(world.state.phase, committed);
  EXPECT_EQ(world.effects, "fppsff") << "patch and data set are fetched, two are patched, one is here already";
  EXPECT_EQ(world.disk.served()->parts.size(), 3U);
  const auto told = report("digits", world.state).update.value();
  EXPECT_EQ(told.source, "patch");
  EXPECT_EQ(told.bytes, 100U + 40 + 500);
  EXPECT_EQ(told.full_bytes, 1000U + 3 * 500);
}

TEST(UpdateMachine, FilesSwitchAndGoBackTogether) {
  World world = serving_several();
  world.wish(with_part(wish_for("1.1", 'a'), "model.onnx.data", 'e'));  // the same model, with other weights
  world.run_to_end();
  ASSERT_EQ(world.state.phase, committed);
  EXPECT_EQ(world.disk.served()->parts, (std::vector<wire::Part>{{"model.onnx.data", {digest_of('e'), 500}}}));
  world.effects.clear();
  wire::DesiredModel back = with_part(with_part(wish_for("1.0", 'a', 2), "model.onnx.data", 'c'), "labels.txt", 'd');
  world.wish(back);
  world.run_to_end();
  EXPECT_EQ(world.state.phase, committed);
  EXPECT_EQ(world.disk.served()->parts, old_parts);
  EXPECT_EQ(world.effects, "");
}

TEST(UpdateMachine, AnotherPartIsAnotherVersionOfTheFiles) {
  World world = serving_several();
  world.wish(with_part(wish_for("1.0", 'a', 2), "model.onnx.data", 'e'));
  world.run_to_end();
  EXPECT_EQ(world.disk.served()->parts.size(), 1U);
}

TEST(UpdateMachine, ProgressIsOfAllFiles) {
  World world = serving_several();
  world.wish(with_part(wish_for("1.1", 'b'), "labels.txt", 'f'));
  ASSERT_TRUE(world.run_until(downloading));
  world.give(FetchProgress{world.state.ticket, 300});
  EXPECT_DOUBLE_EQ(world.state.progress, 0.2);
  while (world.state.file == 0 || world.state.phase != downloading) ASSERT_TRUE(world.run_one());
  world.give(FetchProgress{world.state.ticket, 250});
  EXPECT_DOUBLE_EQ(world.state.progress, 1250.0 / 1500);
  EXPECT_EQ(report("digits", world.state).update->bytes, 1250U);
}

TEST(UpdateMachine, RoomForAllFilesIsThereBeforeTheFirstByteIsFetched) {
  World world = serving_several();
  world.free_bytes = disk_reserve + 1499;
  world.wish(with_part(wish_for("1.1", 'b'), "labels.txt", 'f'));
  world.run_to_end();
  EXPECT_EQ(world.state.phase, failed);
  EXPECT_EQ(world.state.cause, "no_space");
  EXPECT_EQ(world.effects, "");

  world.free_bytes = disk_reserve + 1499;
  world.wish(with_part(wish_for("1.2", 'b'), "labels.txt", 'd'));  // which is here already
  world.run_to_end();
  EXPECT_EQ(world.state.phase, committed);
}

TEST(UpdateMachine, OneBrokenPatchCostsItsOwnFileAlone) {
  World world = serving_several();
  world.wish(with_patched_part(with_streamed_patch(wish_for("1.1", 'b'), 'a'), "model.onnx.data", 'e', 'c'));
  while (world.state.file == 0) ASSERT_TRUE(world.run_one());
  world.patch_applies = false;
  world.run_to_end();
  EXPECT_EQ(world.state.phase, committed);
  EXPECT_EQ(world.state.ways[0].source, Source::patch);
  EXPECT_EQ(world.state.ways[1].source, Source::full);
  EXPECT_EQ(report("digits", world.state).update->bytes, 100U + 500);
}

TEST(UpdateMachine, AFileThatIsNotWhatItShouldBeIsFetchedWhole) {
  World world = serving_several();
  world.spoilt = {digest_of('d')};
  world.wish(with_part(wish_for("1.1", 'b'), "labels.txt", 'd'));
  world.run_to_end();
  EXPECT_EQ(world.state.phase, committed);
  EXPECT_EQ(world.effects, "fsf");
  EXPECT_TRUE(world.state.ways[1].whole_only);
}

TEST(UpdateMachine, AFileThatAnotherModelsUpdateSweptAwayIsFetchedOnceMore) {
  World world = serving_several();
  world.wish(with_part(wish_for("1.1", 'b'), "labels.txt", 'f'));
  ASSERT_TRUE(world.run_until(verifying));
  world.blobs.erase(digest_of('f'));
  world.give(VerifyFailed{world.state.ticket, make_error(Errc::not_found, "gone"), 1});
  world.run_to_end();
  EXPECT_EQ(world.state.phase, committed);
  EXPECT_EQ(world.effects, "fff");
}

TEST(UpdateMachine, WhereSlotsCannotShareTheFileIsFetched) {
  World world = serving_several();
  world.slots_share = false;
  world.wish(with_part(wish_for("1.1", 'b'), "labels.txt", 'd'));
  world.run_to_end();
  EXPECT_EQ(world.state.phase, committed);
  EXPECT_EQ(world.effects, "fsf");
}

TEST(UpdateMachine, RejectedModelLeavesTheOldOneInService) {
  World world = World::serving("1.0", 'a');
  world.model_is_good = false;
  world.wish(wish_for("1.1", 'b'));
  world.run_to_end();
  EXPECT_EQ(world.state.phase, rejected);
  EXPECT_EQ(world.state.cause, "validate_rejected");
  EXPECT_EQ(world.served_version(), "1.0");
}

TEST(UpdateMachine, SlowerVersionRollsItselfBack) {
  World world = World::serving("1.0", 'a');
  world.probation.latency_p95_ms = 30.0;
  world.wish(wish_for("1.1", 'b'));
  world.run_to_end();
  EXPECT_EQ(world.phases.back(), rolled_back);
  EXPECT_EQ(world.state.cause, "probation_latency");
  EXPECT_EQ(world.served_version(), "1.0");
  EXPECT_EQ(report("digits", world.state).update->latency_p95_ms, 30.0);
  EXPECT_EQ(report("digits", world.state).update->baseline_p95_ms, 10.0);
}

TEST(UpdateMachine, FailingVersionRollsItselfBack) {
  World world = World::serving("1.0", 'a');
  world.probation.errors = 50;
  world.wish(wish_for("1.1", 'b'));
  world.run_to_end();
  EXPECT_EQ(world.state.phase, rolled_back);
  EXPECT_EQ(world.state.cause, "probation_errors");
}

TEST(UpdateMachine, VersionThatSilencesTheProgramRollsItselfBack) {
  World world = World::serving("1.0", 'a');
  world.probation = {0, 0, std::nullopt, false};
  world.wish(wish_for("1.1", 'b'));
  world.run_to_end();
  EXPECT_EQ(world.state.phase, rolled_back);
  EXPECT_EQ(world.state.cause, "probation_crash");
}

TEST(UpdateMachine, FirstVersionHasNothingToGoBackToAndStays) {
  World world;
  world.boot();
  world.probation.errors = 50;
  world.wish(wish_for("1.0", 'a'));
  world.run_to_end();
  EXPECT_EQ(world.state.phase, failed);
  EXPECT_EQ(world.served_version(), "1.0");
}

TEST(UpdateMachine, GoingBackToTheSlotBesidesNeedsNoDownloadAndNoProbation) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  world.run_to_end();
  world.phases.clear();
  world.wish(wish_for("1.0", 'a', 2));
  world.run_to_end();
  EXPECT_EQ(world.phases, (Phases{activating, committed}));
  EXPECT_EQ(report("digits", world.state).update->source, "local");
  EXPECT_EQ(report("digits", world.state).update->bytes, 0u);
  EXPECT_EQ(world.served_version(), "1.0");
}

TEST(UpdateMachine, ServersRollBackDuringProbationActivatesThePreviousAtOnce) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  ASSERT_TRUE(world.run_until(probation));
  world.wish(wish_for("1.0", 'a', 2));
  world.run_to_end();
  EXPECT_EQ(world.state.phase, committed);
  EXPECT_EQ(world.served_version(), "1.0");
}

TEST(UpdateMachine, VersionThatWasRolledBackIsNotTrustedTheSecondTime) {
  World world = World::serving("1.0", 'a');
  world.probation.errors = 50;
  world.wish(wish_for("1.1", 'b'));
  world.run_to_end();
  ASSERT_EQ(world.state.phase, rolled_back);
  world.blobs.clear();
  world.phases.clear();
  world.probation.errors = 0;
  world.wish(wish_for("1.1", 'b', 2));
  world.run_to_end();
  EXPECT_EQ(world.phases, (Phases{planning, verifying, validating, activating, probation, committed}));
  EXPECT_TRUE(world.blobs.empty());
}

TEST(UpdateMachine, WishThatIsServedAlreadyIsCommittedAtOnce) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.0", 'a', 7));
  EXPECT_EQ(world.state.phase, committed);
  EXPECT_EQ(report("digits", world.state).update->rollout, 7);
}

TEST(UpdateMachine, SameWishAgainChangesNothingOnceItEnded) {
  World world = World::serving("1.0", 'a');
  world.model_is_good = false;
  world.wish(wish_for("1.1", 'b'));
  world.run_to_end();
  const UpdateState before = world.state;
  world.wish(wish_for("1.1", 'b'));
  EXPECT_EQ(world.state, before);
  wire::DesiredModel retry = wish_for("1.1", 'b');
  retry.attempt = 2;
  world.wish(retry);
  EXPECT_EQ(world.state.phase, planning);
}

TEST(UpdateMachine, NewerWishSupersedesBeforeActivation) {
  for (const Phase phase : {planning, downloading, verifying, validating}) {
    World world = World::serving("1.0", 'a');
    world.wish(wish_for("1.1", 'b'));
    ASSERT_TRUE(world.run_until(phase));
    world.wish(wish_for("1.2", 'c', 2));
    world.run_to_end();
    EXPECT_EQ(world.state.phase, committed) << to_string(phase);
    EXPECT_EQ(world.served_version(), "1.2") << to_string(phase);
  }
}

TEST(UpdateMachine, NewerWishWaitsForTheEndOfProbation) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  ASSERT_TRUE(world.run_until(probation));
  world.wish(wish_for("1.2", 'c', 2));
  EXPECT_EQ(world.state.phase, probation);
  world.run_to_end();
  EXPECT_EQ(world.served_version(), "1.2");
  EXPECT_EQ(world.disk.content[0]->version == "1.2" ? world.disk.content[1]->version : world.disk.content[0]->version,
            "1.1");
}

TEST(UpdateMachine, PatchThatIsReadyLaterGoesToTheWishThatWaitsButNotToTheOneThatRuns) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  ASSERT_TRUE(world.run_until(Phase::downloading));
  world.wish(with_patch(wish_for("1.1", 'b'), 'a'));
  EXPECT_TRUE(world.state.wish->patches.empty()) << "it fetches the whole file already";

  ASSERT_TRUE(world.run_until(Phase::probation));
  world.wish(wish_for("1.2", 'c', 2));
  world.wish(with_patch(wish_for("1.2", 'c', 2), 'b'));
  world.run_to_end();
  EXPECT_EQ(world.served_version(), "1.2");
  EXPECT_EQ(world.state.way().source, Source::patch);
}

TEST(UpdateMachine, WithdrawalCancelsBeforeActivationOnly) {
  for (const Phase phase : {planning, downloading, patching, verifying, validating}) {
    World world = World::serving("1.0", 'a');
    world.wish(phase == patching ? with_streamed_patch(wish_for("1.1", 'b'), 'a') : wish_for("1.1", 'b'));
    ASSERT_TRUE(world.run_until(phase));
    world.give(Withdrawn{});
    EXPECT_EQ(world.state.phase, failed);
    EXPECT_EQ(world.state.cause, "cancelled");
    world.run_to_end();
    EXPECT_EQ(world.served_version(), "1.0");
  }
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  ASSERT_TRUE(world.run_until(probation));
  world.give(Withdrawn{});
  EXPECT_EQ(world.state.phase, probation);
}

TEST(UpdateMachine, LateOutcomesOfASupersededUpdateChangeNothing) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  ASSERT_TRUE(world.run_until(downloading));
  const std::int64_t old_ticket = world.state.ticket;
  world.wish(wish_for("1.2", 'c', 2));
  const UpdateState before = world.state;
  world.give(Fetched{old_ticket});
  world.give(FetchFailed{old_ticket, make_error(Errc::not_found, "gone"), false, std::nullopt});
  EXPECT_EQ(world.state, before);
}

TEST(UpdateMachine, NetworkTroubleStaysInDownloadingAndWaitsLongerEachTime) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  ASSERT_TRUE(world.run_until(downloading));
  for (int i = 0; i < 40; ++i) {
    world.give(FetchFailed{world.state.ticket, make_error(Errc::unavailable, "cut"), true, std::nullopt});
    ASSERT_EQ(world.state.phase, downloading);
    ASSERT_TRUE(wake_at(world.state));
    EXPECT_LE(*wake_at(world.state) - world.now, retry_cap);
    world.now = *wake_at(world.state);
    world.give(Tick{});
  }
  EXPECT_EQ(world.state.tries, 40);
  world.give(FetchProgress{world.state.ticket, 10});
  EXPECT_EQ(world.state.tries, 0);
}

TEST(UpdateMachine, RetryAfterIsHonoured) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  ASSERT_TRUE(world.run_until(downloading));
  world.give(FetchFailed{world.state.ticket, make_error(Errc::rate_limited, "slow down"), true, Duration{60'000}});
  EXPECT_GE(*wake_at(world.state) - world.now, Duration{60'000});
}

TEST(UpdateMachine, ClockThatJumpedBackDoesNotStopARetry) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  ASSERT_TRUE(world.run_until(downloading));
  world.give(FetchFailed{world.state.ticket, make_error(Errc::unavailable, "cut"), true, std::nullopt});
  world.now = instant_from_ms(0);
  world.give(Tick{});
  EXPECT_FALSE(world.state.retry_at);
}

TEST(UpdateMachine, TheSameBytesOnceMoreAreNoProgress) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  ASSERT_TRUE(world.run_until(downloading));
  for (int i = 1; i <= 3; ++i) {  // a server that always begins afresh, and is cut at the same place
    world.give(FetchProgress{world.state.ticket, 500});
    world.give(FetchFailed{world.state.ticket, make_error(Errc::unavailable, "cut"), true, std::nullopt});
    EXPECT_EQ(world.state.tries, i);
    world.give(Tick{true});
  }
  EXPECT_EQ(report("digits", world.state).update->bytes, 500u);
  world.give(FetchProgress{world.state.ticket, 501});
  EXPECT_EQ(world.state.tries, 0);
}

TEST(UpdateMachine, ServerMayAskForAWaitOfUpToADay) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  ASSERT_TRUE(world.run_until(downloading));
  world.give(FetchFailed{world.state.ticket, make_error(Errc::unavailable, "later"), true, std::chrono::hours(2)});
  EXPECT_GE(*wake_at(world.state) - world.now, std::chrono::hours(2));
  world.give(Tick{});
  EXPECT_TRUE(world.state.retry_at);
}

TEST(UpdateMachine, MissingBlobFailsAndMissingPatchFallsBack) {
  World full = World::serving("1.0", 'a');
  full.wish(wish_for("1.1", 'b'));
  ASSERT_TRUE(full.run_until(downloading));
  full.give(FetchFailed{full.state.ticket, make_error(Errc::not_found, "404"), false, std::nullopt});
  EXPECT_EQ(full.state.phase, failed);
  EXPECT_EQ(full.state.cause, "download");

  World patched = World::serving("1.0", 'a');
  patched.wish(with_patch(wish_for("1.1", 'b'), 'a'));
  ASSERT_TRUE(patched.run_until(downloading));
  patched.give(FetchFailed{patched.state.ticket, make_error(Errc::not_found, "404"), false, std::nullopt});
  EXPECT_EQ(patched.state.phase, planning);
  EXPECT_TRUE(patched.state.way().whole_only);
}

TEST(UpdateMachine, WrongBytesAreFetchedAgainAFewTimesThenFail) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  ASSERT_TRUE(world.run_until(downloading));
  for (int i = 0; i < max_wrong_bytes; ++i) {
    ASSERT_EQ(world.state.phase, downloading);
    world.give(FetchFailed{world.state.ticket, make_error(Errc::digest_mismatch, "wrong"), false, std::nullopt});
  }
  EXPECT_EQ(world.state.phase, failed);
  EXPECT_EQ(world.state.cause, "verify");
}

TEST(UpdateMachine, SpaceIsCheckedBeforeAByteIsFetched) {
  World world = World::serving("1.0", 'a');
  world.free_bytes = disk_reserve + 999;
  world.wish(wish_for("1.1", 'b'));
  world.run_to_end();
  EXPECT_EQ(world.state.phase, failed);
  EXPECT_EQ(world.state.cause, "no_space");
  EXPECT_TRUE(world.blobs.empty());
}

TEST(UpdateMachine, ReloadThatFailsGoesBackToTheOldVersion) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  ASSERT_TRUE(world.run_until(activating));
  world.disk.serving = SlotName::b;
  world.give(ActivateFailed{world.state.ticket, make_error(Errc::unavailable, "no answer"), true});
  EXPECT_EQ(world.state.phase, rolling_back);
  world.give(RollBackFailed{world.state.ticket, make_error(Errc::unavailable, "no answer")});
  EXPECT_EQ(world.state.phase, rolling_back);
  world.run_to_end();
  EXPECT_EQ(world.state.phase, rolled_back);
  EXPECT_EQ(world.state.cause, "activate");
  EXPECT_EQ(world.served_version(), "1.0");
}

Surveyed surveyed(std::int64_t ticket) {
  Surveyed seen;
  seen.ticket = ticket;
  seen.free_bytes = 1ULL << 30;
  seen.dataset_ready = true;
  return seen;
}

TEST(UpdateMachine, AWishThatTheDeviceCannotRunEndsBeforeAnythingIsFetched) {
  UpdateState state;
  state.phase = Phase::planning;
  state.wish = wish_for("1.1", 'b');
  state.ticket = 7;
  Surveyed seen = surveyed(7);
  seen.unsuited = "this device cannot run it: it needs the ONNX opset 25, the device's engine reads up to 22";
  const auto change = step(state, Event{seen}, instant_from_ms(0));
  EXPECT_EQ(change.next.phase, Phase::failed);
  EXPECT_EQ(change.next.cause, "incompatible");
  EXPECT_EQ(change.next.message, seen.unsuited);
}

// Every state x event: what is not listed changes nothing.
struct Allowed {
  Phase from;
  std::size_t event;
  std::vector<Phase> to;
};

TEST(UpdateMachine, EveryEventInEveryStateGoesWhereTheTableSays) {
  const auto error = make_error(Errc::io, "broken");
  const auto events_for = [&](std::int64_t ticket) {
    ValidationOutcome passed;
    passed.passed = true;
    return std::vector<Event>{Wished{wish_for("1.1", 'b')},
                              Withdrawn{},
                              Tick{},
                              surveyed(ticket),
                              FetchProgress{ticket, 1},
                              Fetched{ticket},
                              FetchFailed{ticket, error, false, std::nullopt},
                              Patched{ticket},
                              PatchFailed{ticket, error},
                              Verified{ticket},
                              VerifyFailed{ticket, error},
                              Validated{ticket, passed, {}},
                              Shadowed{{100, 0, 100, 0, 0, 0, 0}},
                              Activated{ticket},
                              ActivateFailed{ticket, error, true},
                              Observed{{100, 0, 10.0, false}},
                              RolledBack{ticket},
                              RollBackFailed{ticket, error}};
  };
  const std::map<std::pair<Phase, std::size_t>, Phase> moves = {
      {{planning, 1}, failed},          {{planning, 3}, downloading},     {{downloading, 1}, failed},
      {{downloading, 5}, patching},     {{downloading, 6}, planning},     {{patching, 1}, failed},
      {{patching, 5}, verifying},       {{patching, 6}, planning},        {{patching, 7}, verifying},
      {{patching, 8}, planning},        {{verifying, 1}, failed},         {{verifying, 9}, validating},
      {{verifying, 10}, planning},      {{validating, 1}, failed},        {{validating, 11}, activating},
      {{shadowing, 1}, failed},         {{shadowing, 12}, activating},    {{activating, 13}, probation},
      {{activating, 14}, rolling_back}, {{rolling_back, 16}, rolled_back}};
  for (const Phase phase :
       {planning, downloading, patching, verifying, validating, shadowing, activating, probation, rolling_back}) {
    World world = World::serving("1.0", 'a');
    if (phase == rolling_back) world.probation.errors = 50;
    auto wish = with_patch(wish_for("1.1", 'b'), 'a');
    if (phase == shadowing) wish = test::with_shadow(std::move(wish));
    world.wish(wish);
    ASSERT_TRUE(world.run_until(phase)) << to_string(phase);
    const auto events = events_for(world.state.ticket);
    ASSERT_EQ(events.size(), std::variant_size_v<Event>);
    for (std::size_t i = 0; i < events.size(); ++i) {
      ASSERT_EQ(events[i].index(), i);
      const Step taken = step(world.state, events[i], world.now);
      const auto move = moves.find({phase, i});
      EXPECT_EQ(taken.next.phase, move == moves.end() ? phase : move->second) << to_string(phase) << " and event " << i;
    }
  }
}

}  // namespace
}  // namespace argosy::agent
