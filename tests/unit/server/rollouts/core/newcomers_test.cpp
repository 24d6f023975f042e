#include "server/rollouts/core/newcomers.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

const Instant enrolled_then = instant_from_ms(1'800'000'000'000);

TEST(StandingFor, TheNewestThatStandsForTheDevice) {
  const RolloutClaim old{.rollout = 3, .started_at = enrolled_then, .stands = true};
  RolloutClaim young{.rollout = 2, .started_at = enrolled_then + hours(1), .stands = true};
  EXPECT_EQ(standing_for({}), std::nullopt);
  EXPECT_EQ(standing_for({old}), 3);
  EXPECT_EQ(standing_for({old, young}), 2) << "by when it started, not by its number";
  EXPECT_EQ(standing_for({young, old}), 2);
  young.stands = false;  // its filter does not match, or it does not stand
  EXPECT_EQ(standing_for({old, young}), 3);
}

TEST(StandingFor, NothingWhileANewerRolloutHasToldTheDeviceOrIsAboutTo) {
  const RolloutClaim standing{.rollout = 1, .started_at = enrolled_then, .stands = true};
  RolloutClaim newer{.rollout = 2, .started_at = enrolled_then + hours(1)};
  EXPECT_EQ(standing_for({standing, newer}), 1) << "it waits for a later wave, and runs what its peers do until then";
  newer.has_told = true;
  EXPECT_EQ(standing_for({standing, newer}), std::nullopt);
  newer.has_told = false;
  newer.is_next = true;
  EXPECT_EQ(standing_for({standing, newer}), std::nullopt);
  newer.started_at = enrolled_then - hours(1);
  EXPECT_EQ(standing_for({standing, newer}), 1) << "an older one";
}

TEST(IsWish, NotOfARolloutThatTookItsReleaseBack) {
  EXPECT_TRUE(is_wish(RolloutState::running, true));
  EXPECT_TRUE(is_wish(RolloutState::completed, true));
  EXPECT_TRUE(is_wish(RolloutState::halted, true)) << "those that have it keep it";
  EXPECT_FALSE(is_wish(RolloutState::halted, false));
  EXPECT_TRUE(is_wish(RolloutState::rolling_back, false)) << "it waits for the device to be back";
  EXPECT_FALSE(is_wish(RolloutState::rolled_back, false));
  EXPECT_FALSE(is_wish(RolloutState::rolled_back, true)) << "it had nothing else for it";
}

TEST(EntryOf, ANewDeviceJoinsUnlessItFailedWithTheRelease) {
  EXPECT_EQ(entry_of(std::nullopt, enrolled_then, std::nullopt), Entry::joins);
  EXPECT_EQ(entry_of(std::nullopt, enrolled_then, EarlierFailure{4, "validate_rejected"}), Entry::left_out);
}

TEST(EntryOf, ARowThatSaysAllStays) {
  const Instant later = enrolled_then + hours(1);
  for (const auto step : {DeviceStep::queued, DeviceStep::notified, DeviceStep::probation, DeviceStep::rolling_back})
    EXPECT_EQ(entry_of(Seat{step, "", {}}, enrolled_then, std::nullopt), Entry::stays) << to_string(step);
  EXPECT_EQ(entry_of(Seat{DeviceStep::succeeded, "", later}, enrolled_then, std::nullopt), Entry::stays);
  EXPECT_EQ(entry_of(Seat{DeviceStep::failed, "validate_rejected", later}, enrolled_then, std::nullopt), Entry::stays);
  EXPECT_EQ(entry_of(Seat{DeviceStep::failed, "left_out", later}, enrolled_then, std::nullopt), Entry::stays);
}

TEST(EntryOf, ADeviceReturnsThatWasTakenAwayBefore) {
  const Instant later = enrolled_then + hours(1);
  for (const auto* cause : {"superseded", "decommissioned", "cancelled"})
    EXPECT_EQ(entry_of(Seat{DeviceStep::failed, cause, later}, enrolled_then, std::nullopt), Entry::returns) << cause;
  EXPECT_EQ(entry_of(Seat{DeviceStep::failed, "superseded", later}, enrolled_then, EarlierFailure{4, "activate"}),
            Entry::stays);
}

TEST(EntryOf, AnotherBoardOfTheSameNameIsNotHeldToWhatTheOldOneDid) {
  const Instant enrolled = enrolled_then + hours(1);
  for (const auto* cause : {"validate_rejected", "probation_latency", "incompatible", "left_out", "superseded"})
    EXPECT_EQ(entry_of(Seat{DeviceStep::failed, cause, enrolled_then}, enrolled, std::nullopt), Entry::returns)
        << cause;
  EXPECT_EQ(entry_of(Seat{DeviceStep::succeeded, "", enrolled_then}, enrolled, std::nullopt), Entry::returns);
  EXPECT_EQ(entry_of(Seat{DeviceStep::downloading, "", {}}, enrolled, std::nullopt), Entry::stays)
      << "it is told already";
}

TEST(KeepsOut, WhatTheDeviceFoundOutAboutTheRelease) {
  for (const auto* cause : {"validate_rejected", "probation_latency", "activate", "attempts_exhausted"})
    EXPECT_TRUE(keeps_out(cause)) << cause;
  for (const auto* cause : {"superseded", "cancelled", "decommissioned", "left_out", "timeout", "incompatible"})
    EXPECT_FALSE(keeps_out(cause)) << cause;
}

TEST(JudgeNewcomers, HalfOfThemFailingIsTooMuchFromThreeOn) {
  Policy policy;
  policy.abort.clear();
  EXPECT_FALSE(judge_newcomers(policy, {}));
  EXPECT_FALSE(judge_newcomers(policy, {{"download", 2}}));
  const auto decision = judge_newcomers(policy, {{"succeeded", 3}, {"activate", 2}, {"download", 1}});
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->rule, "newcomers");
  EXPECT_EQ(decision->decision, "unassign");
  EXPECT_EQ(decision->message,
            "3 of the 6 devices that joined last failed (any cause); the limit is a share of 0.5 from 3 on. Devices "
            "that come from now on are told nothing of it");
  EXPECT_FALSE(judge_newcomers(policy, {{"succeeded", 4}, {"activate", 3}}));
}

TEST(JudgeNewcomers, ThePolicysCriteriaHoldWithThreeFailuresAtLeast) {
  Policy policy;
  policy.abort = {{.causes = {"probation_crash"}, .min_executed = 1, .share = 0.15, .action = Reaction::rollback}};
  EXPECT_FALSE(judge_newcomers(policy, {{"succeeded", 10}, {"probation_crash", 2}}));
  EXPECT_TRUE(judge_newcomers(policy, {{"succeeded", 17}, {"probation_crash", 3}}));
  EXPECT_FALSE(judge_newcomers(policy, {{"succeeded", 17}, {"download", 3}}));
  policy.abort.front().min_executed = 5000;  // more than are looked at: as many as are
  EXPECT_TRUE(judge_newcomers(policy, {{"succeeded", 17}, {"probation_crash", 3}}));
}

TEST(JudgeNewcomers, DevicesThatCannotRunTheReleaseSayNothingAboutIt) {
  Policy policy;
  EXPECT_FALSE(judge_newcomers(policy, {{"incompatible", 20}}));
  EXPECT_FALSE(judge_newcomers(policy, {{"incompatible", 3}, {"succeeded", 1}, {"left_out", 9}}));
}

TEST(StandingNotes, SayWhatElseNewcomersGet) {
  RolloutRecord standing;
  standing.id = 3;
  standing.model = "digits";
  standing.version = "1.0";
  standing.release_id = 10;
  standing.state = RolloutState::completed;
  standing.started_at = enrolled_then;
  standing.stands_since = enrolled_then + seconds(60);
  RolloutRecord draft;
  draft.id = 4;
  draft.model = "digits";
  draft.version = "1.1";
  draft.release_id = 11;
  EXPECT_EQ(standing_notes(draft, {standing}),
            std::vector<std::string>{"rollout 3 of digits 1.0 stands: devices that come later get 1.0 from it, unless "
                                     "this one stands, too"});
  draft.standing = true;
  EXPECT_TRUE(standing_notes(draft, {standing}).empty());
  auto newer = standing;
  newer.id = 5;
  newer.version = "1.2";
  newer.started_at = enrolled_then + hours(2);
  EXPECT_EQ(
      standing_notes(standing, {newer}),
      std::vector<std::string>{"rollout 5 of digits 1.2 is newer and stands, too: devices that both cover get 1.2"});
  EXPECT_TRUE(standing_notes(newer, {standing}).empty());
}

TEST(NewcomersText, CountsThem) {
  EXPECT_EQ(newcomers_text(1, 0, 1), "1 device that came to match the filter now joins wave 2");
  EXPECT_EQ(newcomers_text(2, 1, 0),
            "2 devices that came to match the filter now join wave 1; 1 device is left out, for it failed with this "
            "release before");
  EXPECT_EQ(newcomers_text(0, 2, 0), "2 devices are left out, for they failed with this release before");
}

}  // namespace
}  // namespace argosy::server
