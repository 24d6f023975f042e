#include "server/telemetry/watch.hpp"

#include <set>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

const Instant start = parse_rfc3339("2026-03-01T12:00:00Z").value();
constexpr Duration second{1000};

std::string names_of(const std::vector<DuePair>& taken) {
  std::string names;
  for (const auto& due : taken) names += (names.empty() ? "" : " ") + due.pair.device;
  return names;
}

WatchedPair pair_of(const std::string& device) {
  return {device, "digits"};
}

void judge_all(WatchList& list, Instant now) {
  for (const auto& due : list.take(1000, now)) list.judged(due, now);
}

TEST(WatchList, GoesByWhoWaitsLongestAndNotByName) {
  WatchList list;
  list.heard(pair_of("zebra"), start, start);
  list.heard(pair_of("ape"), start, start);
  list.heard(pair_of("bear"), start, start + second);
  EXPECT_EQ(names_of(list.take(2, start + second)), "zebra ape");
  EXPECT_EQ(names_of(list.take(2, start + second)), "bear");
}

TEST(WatchList, JudgesAllOfAFleetThatSendsFasterThanItIsJudged) {
  WatchList list;
  std::set<std::string> judged;
  // 400 devices that are heard every second, of which 20 can be judged in a second.
  for (int tick = 0; tick < 20; ++tick) {
    const Instant now = start + tick * second;
    for (int i = 0; i < 400; ++i) list.heard(pair_of("cam-" + std::to_string(i)), now, now);
    for (const auto& due : list.take(20, now)) {
      judged.insert(due.pair.device);
      list.judged(due, now);
    }
  }
  EXPECT_EQ(judged.size(), 400u);
}

TEST(WatchList, WhoIsHeardAgainKeepsItsPlace) {
  WatchList list;
  list.heard(pair_of("first"), start + 5 * second, start);
  list.heard(pair_of("second"), start, start);
  list.heard(pair_of("first"), start - second, start + second);
  const auto taken = list.take(9, start + second);
  EXPECT_EQ(names_of(taken), "first second");
  EXPECT_EQ(taken[0].earliest, start - second) << "of all its windows";
}

TEST(WatchList, KeepsTheIntervalOfAPair) {
  WatchList list({.interval = 60 * second});
  list.heard(pair_of("cam-1"), start, start);
  judge_all(list, start);
  list.heard(pair_of("cam-1"), start, start + second);
  EXPECT_EQ(list.oldest_wait(start + 30 * second), Duration{0});
  EXPECT_EQ(names_of(list.take(9, start + 59 * second)), "");
  EXPECT_EQ(list.oldest_wait(start + 63 * second), 3 * second);
  EXPECT_EQ(names_of(list.take(9, start + 60 * second)), "cam-1");
}

TEST(WatchList, WhatIsHeardDuringAJudgementIsJudgedAfterIt) {
  WatchList list;
  list.heard(pair_of("cam-1"), start, start);
  const auto taken = list.take(9, start);
  list.heard(pair_of("cam-1"), start + second, start + second);
  EXPECT_EQ(names_of(list.take(9, start + second)), "") << "it is in somebody's hands";
  list.judged(taken[0], start);
  EXPECT_EQ(names_of(list.take(9, start + second)), "cam-1");
}

TEST(WatchList, WhatIsGivenBackStandsWhereItStood) {
  WatchList list;
  list.heard(pair_of("first"), start, start);
  list.heard(pair_of("second"), start, start);
  for (auto& due : list.take(1, start)) list.give_back(std::move(due));
  EXPECT_EQ(names_of(list.take(9, start)), "first second");
}

TEST(WatchList, WhoHasMoreToJudgeGoesBehindThoseWhoWait) {
  WatchList list({.interval = 60 * second});
  list.heard(pair_of("first"), start, start);
  list.heard(pair_of("second"), start, start);
  for (auto& due : list.take(1, start)) list.judge_again(std::move(due), start);
  EXPECT_EQ(names_of(list.take(9, start)), "second first");
}

TEST(WatchList, WhatCannotBeJudgedIsTriedLaterAndLater) {
  WatchList list({.set_aside = 60 * second, .set_aside_most = 100 * second});
  list.heard(pair_of("bad"), start, start);
  for (const auto& due : list.take(1, start)) list.set_aside(due, start);
  list.heard(pair_of("bad"), start, start + second);
  EXPECT_EQ(names_of(list.take(9, start + 59 * second)), "");
  const Instant second_try = start + 60 * second;
  for (const auto& due : list.take(1, second_try)) list.set_aside(due, second_try);
  EXPECT_EQ(names_of(list.take(9, second_try + 99 * second)), "") << "twice as long, up to the limit";
  EXPECT_EQ(names_of(list.take(9, second_try + 100 * second)), "bad");
  EXPECT_EQ(list.counters().set_aside, 2u);
}

TEST(WatchList, IsBoundedAndOneDeviceCannotFillIt) {
  WatchList list({.limit = 10, .device_limit = 3});
  for (int i = 0; i < 20; ++i) list.heard({"hostile", "model-" + std::to_string(i)}, start, start);
  EXPECT_EQ(list.known(), 3u);
  for (int i = 0; i < 20; ++i) list.heard(pair_of("cam-" + std::to_string(i)), start, start);
  EXPECT_EQ(list.known(), 10u);
  EXPECT_EQ(list.counters().refused, 17u + 13u);
  judge_all(list, start);
  list.forget_idle(start + second);
  EXPECT_EQ(list.known(), 0u);
}

TEST(WatchList, ForgetsNobodyWhoWaits) {
  WatchList list;
  list.heard(pair_of("waits"), start, start);
  list.heard(pair_of("in hands"), start, start);
  (void)list.take(1, start);
  list.forget_idle(start + 100 * second);
  EXPECT_EQ(list.known(), 2u);
}

TEST(WatchList, TheSweepAddsOnlyWhatWasNotJudgedSince) {
  WatchList list;
  list.seen(pair_of("cam-1"), start, start + second);
  judge_all(list, start + second);
  list.seen(pair_of("cam-1"), start, start + 2 * second);
  EXPECT_EQ(list.waiting(), 0u);
  list.seen(pair_of("cam-1"), start + 2 * second, start + 2 * second);
  EXPECT_EQ(list.waiting(), 1u);
}

TEST(WatchList, TheSweepFindsWhatWasCommittedWhileThePairWasJudged) {
  WatchList list;
  list.seen(pair_of("cam-1"), start, start);
  judge_all(list, start + 5 * second);
  list.seen(pair_of("cam-1"), start + 4 * second, start + 60 * second);
  EXPECT_EQ(list.waiting(), 1u) << "its window may not have been there yet";
  judge_all(list, start + 60 * second);
  list.seen(pair_of("cam-1"), start + 49 * second, start + 120 * second);
  EXPECT_EQ(list.waiting(), 0u) << "it had been, by then";
}

TEST(WatchList, ASignOfLifeWhileThePairIsInHandsIsNotLost) {
  WatchList list;
  list.seen(pair_of("cam-1"), start, start);
  auto due = list.take(1, start);
  list.seen(pair_of("cam-1"), start + second, start + second);
  EXPECT_EQ(list.waiting(), 0u);
  list.judged(due.front(), start + 2 * second);
  EXPECT_EQ(list.waiting(), 1u);
}

TEST(WatchList, TheSweepTellsNothingNewOfWhatWasHeard) {
  WatchList list;
  list.heard(pair_of("cam-1"), start, start + second);
  judge_all(list, start + second);
  list.seen(pair_of("cam-1"), start + second, start + 2 * second);
  EXPECT_EQ(list.waiting(), 0u);
}

}  // namespace
}  // namespace argosy::server
