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

TEST(WatchList, IsBounded) {
  WatchList list({.limit = 10});
  for (int i = 0; i < 20; ++i) list.heard(pair_of("cam-" + std::to_string(i)), start, start);
  EXPECT_EQ(list.known(), 10u);
  EXPECT_EQ(list.counters().refused, 10u);
  judge_all(list, start);
  list.forget_idle(start + second, start + second);
  EXPECT_EQ(list.known(), 0u);
}

TEST(WatchList, ForgetsNobodyWhoWaits) {
  WatchList list;
  list.heard(pair_of("waits"), start, start);
  list.heard(pair_of("in hands"), start, start);
  (void)list.take(1, start);
  list.forget_idle(start + 100 * second, start + 100 * second);
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

struct Remembered final : PairMemory {
  explicit Remembered(std::size_t weight) : weight(weight) {}
  std::size_t bytes() const override { return weight; }
  std::size_t weight;
};

void remember(WatchList& list, const std::string& device, std::size_t weight = 100) {
  list.heard(pair_of(device), start, start);
  judge_all(list, start);
  list.remember(pair_of(device), std::make_unique<Remembered>(weight));
}

std::string oldest_of(WatchList& list, std::size_t most) {
  std::string names;
  list.visit_oldest([&](const WatchedPair& pair, PairMemory&) {
    names += pair.device + " ";
    return --most > 0;
  });
  return names;
}

TEST(WatchListMemory, IsCountedInBytes) {
  WatchList list;
  for (const char* device : {"cam-1", "cam-2"}) remember(list, device);
  EXPECT_EQ(list.bytes(), 200u);
  auto* memory = static_cast<Remembered*>(list.heard(pair_of("cam-1"), start, start));
  memory->weight = 150;
  list.weigh(*memory);
  EXPECT_EQ(list.bytes(), 250u);
  list.remember(pair_of("cam-1"), std::make_unique<Remembered>(10));
  EXPECT_EQ(list.bytes(), 110u);
  list.forget(pair_of("cam-2"));
  EXPECT_EQ(list.bytes(), 10u);
  EXPECT_EQ(list.remembered(), 1u);
  EXPECT_EQ(list.known(), 2u) << "the pair itself stays";
  list.forget_all();
  EXPECT_EQ(list.bytes(), 0u);
}

TEST(WatchListMemory, WhoWasNotHeardOfForLongestLeavesFirst) {
  WatchList list;
  for (const char* device : {"cam-1", "cam-2", "cam-3"}) remember(list, device);
  list.heard(pair_of("cam-1"), start, start);
  EXPECT_EQ(oldest_of(list, 9), "cam-2 cam-3 cam-1 ");
  list.forget(pair_of("cam-3"));
  EXPECT_EQ(oldest_of(list, 9), "cam-2 cam-1 ");
  (void)list.take(1, start);
  EXPECT_EQ(oldest_of(list, 1), "cam-2 ") << "cam-1 is in somebody's hands";
}

TEST(WatchListMemory, OfAPairThatWasHeardWhileTheDatabaseWasAskedIsNotSure) {
  WatchList list;
  list.heard(pair_of("cam-1"), start, start);
  const auto due = list.take(1, start);
  list.heard(pair_of("cam-1"), start + second, start);
  list.remember(pair_of("cam-1"), std::make_unique<Remembered>(1));
  list.judged(due[0], start);
  EXPECT_FALSE(list.memory_of(pair_of("cam-1"))->is_sure);
  EXPECT_EQ(list.waiting(), 1u);
}

TEST(WatchListMemory, WhatWasHeardWhileTheDatabaseWasAskedIsAskedForSoon) {
  WatchList list({.interval = 60 * second, .again = second});
  list.heard(pair_of("cam-1"), start, start);
  auto due = list.take(1, start);
  list.heard(pair_of("cam-1"), start + second, start);
  list.remember(pair_of("cam-1"), std::make_unique<Remembered>(1));
  list.judged(due[0], start);
  EXPECT_EQ(names_of(list.take(1, start)), "") << "not in the same tick, however often it is heard";
  due = list.take(1, start + second);
  ASSERT_EQ(names_of(due), "cam-1");
  list.remember(pair_of("cam-1"), std::make_unique<Remembered>(1));
  list.judged(due[0], start + second);
  list.heard(pair_of("cam-1"), start + 2 * second, start + 2 * second);
  EXPECT_EQ(names_of(list.take(1, start + 60 * second)), "") << "all of it is known";
  EXPECT_EQ(names_of(list.take(1, start + 61 * second)), "cam-1");
}

TEST(WatchListMemory, IsNotSureOnceSomebodyElseStoredAWindow) {
  WatchList list;
  for (const char* device : {"noted", "seen", "doubted", "other"}) remember(list, device);
  list.heard_of(pair_of("noted"), start, start + second);
  list.seen(pair_of("seen"), start + second, start + second);
  list.doubt({"doubted"}, start + second);
  for (const char* device : {"noted", "seen", "doubted"})
    EXPECT_FALSE(list.memory_of(pair_of(device))->is_sure) << device;
  EXPECT_TRUE(list.memory_of(pair_of("other"))->is_sure);
  EXPECT_EQ(list.waiting(), 3u);
}

TEST(WatchListMemory, AllPairsOfADeviceAreDoubtedAndForgottenTogether) {
  WatchList list;
  const WatchedPair faces{"cam-1", "faces"};
  for (int i = 0; i < 100; ++i) remember(list, "cam-" + std::to_string(i));
  list.heard(faces, start, start);
  list.remember(faces, std::make_unique<Remembered>(1));
  list.doubt({"cam-1", "unknown"}, start);
  EXPECT_FALSE(list.memory_of(pair_of("cam-1"))->is_sure);
  EXPECT_FALSE(list.memory_of(faces)->is_sure);
  list.forget_devices({"cam-1", "unknown"});
  EXPECT_EQ(list.memory_of(pair_of("cam-1")), nullptr);
  EXPECT_EQ(list.memory_of(faces), nullptr);
  EXPECT_EQ(list.remembered(), 99u);
}

TEST(WatchListMemory, AJudgementFromMemoryDoesNotHideWhatTheSweepSees) {
  WatchList list;
  remember(list, "cam-1");
  list.heard(pair_of("cam-1"), start, start + second);
  for (const auto& due : list.take(1, start + 60 * second)) list.judged_from_memory(due, start + 60 * second);
  list.seen(pair_of("cam-1"), start + 2 * second, start + 60 * second);
  EXPECT_EQ(list.waiting(), 1u);
}

TEST(WatchListMemory, OfAnIdlePairIsWrittenBeforeItIsForgotten) {
  WatchList list;
  remember(list, "cam-1");
  list.memory_of(pair_of("cam-1"))->is_dirty = true;
  list.forget_idle(start + second, start + second);
  const auto due = list.take(1, start + second);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_LE(due[0].memory->write_at, start + second);
  due[0].memory->is_dirty = false;
  list.judged_from_memory(due[0], start + second);
  list.forget_idle(start + 2 * second, start + 2 * second);
  EXPECT_EQ(list.known(), 0u);
  EXPECT_EQ(list.bytes(), 0u);
}

}  // namespace
}  // namespace argosy::server
