#include "server/devices/presence.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

const Instant start = instant_from_ms(1'700'000'000'000);

// A device that promised a beat every 10 s and was last heard at `start`.
PresenceEvidence heard(Presence presence) {
  PresenceEvidence evidence;
  evidence.presence = presence;
  evidence.since = start - 1h;
  evidence.last_seen = start;
  evidence.interval = 10s;
  return evidence;
}

Presence after(Duration silence, const PresenceEvidence& evidence) {
  return judge_presence(evidence, PresenceRule{}, start + silence).presence;
}

TEST(Presence, NeverSeenUntilTheFirstSign) {
  PresenceEvidence evidence;
  EXPECT_EQ(after(24h, evidence), Presence::never_seen);
  evidence.last_seen = start;
  EXPECT_EQ(after(1s, evidence), Presence::online);
}

TEST(Presence, LateAfterOneAndAHalfIntervalsOfflineAfterFourMissedBeatsAndJitter) {
  EXPECT_EQ(after(14s, heard(Presence::online)), Presence::online);
  EXPECT_EQ(after(15s, heard(Presence::online)), Presence::late);
  EXPECT_EQ(after(42s, heard(Presence::late)), Presence::late);
  EXPECT_EQ(after(43s, heard(Presence::late)), Presence::offline);
}

TEST(Presence, AWillShortensTheWaitButIsNoVerdict) {
  PresenceEvidence evidence = heard(Presence::online);
  evidence.will_at = start + 2s;
  EXPECT_EQ(after(3s, evidence), Presence::late);
  EXPECT_EQ(after(16s, evidence), Presence::late);
  EXPECT_EQ(after(17s, evidence), Presence::offline);
}

// As one of many whose connections broke together: its next beat was about to come.
TEST(Presence, WhoeverLosesItsConnectionHasTheSameTimeToComeBack) {
  PresenceEvidence evidence = heard(Presence::online);
  evidence.will_at = start + 14s;
  EXPECT_EQ(after(28s, evidence), Presence::late);
  EXPECT_EQ(after(29s, evidence), Presence::offline);
}

TEST(Presence, AWillNeverLengthensTheWait) {
  PresenceEvidence evidence = heard(Presence::late);
  evidence.will_at = start + 40s;
  EXPECT_EQ(after(42s, evidence), Presence::late);
  EXPECT_EQ(after(43s, evidence), Presence::offline);
}

TEST(Presence, AWillFromBeforeTheLastSignMeansNothing) {
  PresenceEvidence evidence = heard(Presence::online);
  evidence.will_at = start - 1s;
  EXPECT_EQ(after(10s, evidence), Presence::online);
}

TEST(Presence, AnOfflineDeviceStaysOfflineUntilItIsHeard) {
  PresenceEvidence evidence = heard(Presence::offline);
  evidence.since = start + 15s;
  EXPECT_EQ(after(20s, evidence), Presence::offline);
  evidence.last_seen = start + 30s;
  EXPECT_EQ(after(31s, evidence), Presence::online);
}

TEST(Presence, NobodyIsBlamedForSilenceWhileNobodyWasWatching) {
  PresenceEvidence evidence = heard(Presence::online);
  evidence.watching_since = start + 10min;
  EXPECT_EQ(after(10min + 14s, evidence), Presence::online);
  EXPECT_EQ(after(10min + 20s, evidence), Presence::late);
  EXPECT_EQ(after(10min + 43s, evidence), Presence::offline);
}

TEST(Presence, ARestartOfOursDoesNotPraiseALateDevice) {
  PresenceEvidence evidence = heard(Presence::late);
  evidence.since = start + 15s;
  evidence.watching_since = start + 20s;
  EXPECT_EQ(after(21s, evidence), Presence::late);
}

TEST(Presence, AnAbsurdPromiseIsBounded) {
  PresenceEvidence evidence = heard(Presence::online);
  evidence.interval = 0s;
  EXPECT_EQ(after(1400ms, evidence), Presence::online);
  evidence.interval = 10000h;
  EXPECT_EQ(after(5h, evidence), Presence::offline);
}

TEST(Presence, TheReasonTellsSilenceAndPromise) {
  EXPECT_EQ(judge_presence(heard(Presence::late), PresenceRule{}, start + 50s).reason,
            "50 s silent, expected every 10 s");
}

// Until the time of its next check a verdict stays as it is, whatever is silent; and at that time it changes.
TEST(Presence, NothingChangesBeforeTheNextCheck) {
  const PresenceRule rule;
  for (const Presence presence : {Presence::online, Presence::late, Presence::offline, Presence::never_seen}) {
    for (const Duration will_after : {Duration{-1s}, Duration{3s}}) {
      for (const Duration watching_after : {Duration{-1h}, Duration{4s}}) {
        PresenceEvidence evidence = heard(presence);
        evidence.watching_since = start + watching_after;
        if (will_after > Duration{0}) evidence.will_at = start + will_after;
        Instant now = start + 5s;
        for (int checks = 0; checks < 4; ++checks) {
          const PresenceVerdict verdict = judge_presence(evidence, rule, now);
          const auto next = next_presence_check(evidence, verdict, rule, now);
          if (verdict.presence != evidence.presence) evidence.since = now;
          evidence.presence = verdict.presence;
          if (!next) {
            EXPECT_EQ(verdict.presence, Presence::offline);
            EXPECT_EQ(after(24h, evidence), Presence::offline);
            break;
          }
          ASSERT_GT(*next, now);
          EXPECT_EQ(judge_presence(evidence, rule, *next - Duration{1}).presence, verdict.presence);
          EXPECT_NE(judge_presence(evidence, rule, *next).presence, verdict.presence);
          now = *next;
        }
      }
    }
  }
}

}  // namespace
}  // namespace argosy::server
