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

TEST(Presence, TheCauseIsAStableWord) {
  const auto cause = [](Duration silence, const PresenceEvidence& evidence) {
    return to_string(judge_presence(evidence, PresenceRule{}, start + silence).cause);
  };
  PresenceEvidence evidence = heard(Presence::online);
  EXPECT_EQ(cause(0s, PresenceEvidence{}), "never_seen");
  EXPECT_EQ(cause(1s, evidence), "heard");
  EXPECT_EQ(cause(20s, evidence), "beats_missed");
  EXPECT_EQ(cause(50s, evidence), "beats_missed");
  evidence.will_at = start + 2s;
  EXPECT_EQ(cause(3s, evidence), "connection_broke");
  evidence.said_goodbye = true;
  EXPECT_EQ(cause(3s, evidence), "said_goodbye");
  EXPECT_EQ(cause(50s, evidence), "said_goodbye");
  EXPECT_EQ(judge_presence(evidence, PresenceRule{}, start + 50s).reason,
            "it said goodbye; 50 s silent, expected every 10 s");
}

TEST(Presence, ASwingIsBetweenThereAndAway) {
  EXPECT_TRUE(is_swing(Presence::online, Presence::offline));
  EXPECT_TRUE(is_swing(Presence::late, Presence::offline));
  EXPECT_TRUE(is_swing(Presence::offline, Presence::online));
  EXPECT_FALSE(is_swing(Presence::online, Presence::late));
  EXPECT_FALSE(is_swing(Presence::late, Presence::online));
  EXPECT_FALSE(is_swing(Presence::never_seen, Presence::online));
}

TEST(Presence, FourSwingsWithinAnHourAreIntermittent) {
  struct Case {
    std::vector<int> swings_at;         // minutes since the start, in the order of time
    std::optional<int> expected_until;  // after the last of them
  };
  const std::vector<Case> cases{
      {{}, {}},
      {{0, 10, 20}, {}},
      {{0, 10, 20, 30}, 60},
      {{0, 20, 40, 59}, 60},
      {{0, 20, 40, 60}, {}},
      {{0, 1, 2, 3, 50}, 61},
      {{0, 1, 2, 3, 100, 101, 102}, {}},
      {{0, 90, 91, 92, 93}, 150},
  };
  const IntermittentRule rule;
  for (const Case& each : cases) {
    std::vector<Instant> swings;
    Instant now = start;
    for (const int minute : each.swings_at) {
      now = start + std::chrono::minutes(minute);
      swings = with_swing(std::move(swings), now, rule);
    }
    const auto until = intermittent_until(swings, now, rule);
    const auto expected =
        each.expected_until ? std::optional(start + std::chrono::minutes(*each.expected_until)) : std::nullopt;
    EXPECT_EQ(until, expected);
  }
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
