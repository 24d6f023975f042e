#include "server/quarantine/quarantine.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

const Instant start = instant_from_ms(1'790'000'000'000);

MessageId message(const std::string& device, const std::string& content, MessageKind kind = MessageKind::state) {
  return {device, kind, sha256(as_bytes(content))};
}

Admittance admission(Quarantine& quarantine, const MessageId& id, Instant now) {
  return quarantine.admit(id, now).admission;
}

TEST(Quarantine, LeavesEverybodyAloneUntilSomethingIsRefused) {
  Quarantine quarantine("1.0");
  EXPECT_EQ(admission(quarantine, message("cam-1", "a"), start), Admittance::take);
  quarantine.refuse(message("cam-1", "a"), "year 0000", start);
  EXPECT_EQ(admission(quarantine, message("cam-2", "a"), start), Admittance::take);
  EXPECT_EQ(admission(quarantine, message("cam-1", "a", MessageKind::telemetry), start), Admittance::take);
  EXPECT_EQ(quarantine.in_quarantine(), 1u);
}

TEST(Quarantine, PassesOverTheSameAndTriesWhatChangedAlone) {
  Quarantine quarantine("1.0");
  quarantine.refuse(message("cam-1", "a"), "year 0000", start);
  const auto again = quarantine.admit(message("cam-1", "a"), start + 30s);
  EXPECT_EQ(again.admission, Admittance::refuse);
  EXPECT_EQ(again.reason, "year 0000");
  EXPECT_EQ(admission(quarantine, message("cam-1", "b"), start + 60s), Admittance::take_alone);
  quarantine.accept(message("cam-1", "b"), start + 60s);
  EXPECT_EQ(quarantine.in_quarantine(), 0u);
  EXPECT_EQ(admission(quarantine, message("cam-1", "c"), start + 90s), Admittance::take);
}

TEST(Quarantine, AnotherVersionOfTheServerTriesTheSameAgain) {
  Quarantine old("1.0");
  old.refuse(message("cam-1", "a"), "year 0000", start);
  std::vector<QuarantineRow> saved;
  for (const auto& change : old.take_changes(10)) saved.push_back(change.row);
  Quarantine same("1.0");
  same.load(saved);
  EXPECT_EQ(admission(same, message("cam-1", "a"), start + 30s), Admittance::refuse);
  Quarantine newer("1.1");
  newer.load(saved);
  EXPECT_EQ(admission(newer, message("cam-1", "a"), start + 30s), Admittance::take_alone);
}

TEST(Quarantine, CountsAndSavesWhatChangedOnce) {
  Quarantine quarantine("1.0");
  quarantine.refuse(message("cam-1", "a"), "year 0000", start);
  quarantine.admit(message("cam-1", "a"), start + 1s);
  quarantine.admit(message("cam-1", "a"), start + 2s);
  auto changes = quarantine.take_changes(10);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].row.count, 3);
  EXPECT_TRUE(changes[0].began);
  EXPECT_TRUE(quarantine.take_changes(10).empty());
  quarantine.give_back(changes);
  changes = quarantine.take_changes(10);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_TRUE(changes[0].began);
}

TEST(Quarantine, TellsOnceAnHourThatItBeganAndEndedHoweverOftenItDoes) {
  Quarantine quarantine("1.0");
  int began = 0;
  int ended = 0;
  for (int round = 0; round < 100; ++round) {
    quarantine.refuse(message("cam-1", std::to_string(round)), "bad", start + round * 1s);
    quarantine.accept(message("cam-1", "good"), start + round * 1s);
    for (const auto& change : quarantine.take_changes(10)) {
      began += change.began ? 1 : 0;
      ended += change.ended ? 1 : 0;
    }
  }
  EXPECT_EQ(began, 1);
  EXPECT_EQ(ended, 1);
  quarantine.refuse(message("cam-1", "x"), "bad", start + 2h);
  EXPECT_TRUE(quarantine.take_changes(10).at(0).began);
}

TEST(Quarantine, AMessageOfABatchThatDiedIsTakenAloneAndAtOnce) {
  Quarantine quarantine("1.0");
  quarantine.died({{message("cam-1", "a"), message("cam-2", "b")}}, start);
  EXPECT_EQ(admission(quarantine, message("cam-1", "a"), start), Admittance::take_alone);
  EXPECT_EQ(admission(quarantine, message("cam-2", "b"), start), Admittance::take_alone);
  EXPECT_EQ(admission(quarantine, message("cam-3", "c"), start), Admittance::take);
  for (const auto& change : quarantine.take_changes(10)) EXPECT_FALSE(change.began);  // nobody was judged
  quarantine.accept(message("cam-1", "a"), start);
  EXPECT_EQ(admission(quarantine, message("cam-1", "a"), start), Admittance::take);
}

TEST(Quarantine, AMessageThatWasAloneWaitsLongerEachTimeAndAfterThreeDeathsStaysOutUntilItChanges) {
  Quarantine quarantine("1.0");
  const auto culprit = message("cam-1", "a");
  Instant now = start;
  std::vector<Duration> waits;
  for (int death = 1; death < 3; ++death) {
    quarantine.died({{culprit}}, now);
    const auto verdict = quarantine.admit(culprit, now);
    ASSERT_EQ(verdict.admission, Admittance::wait);
    waits.push_back(verdict.until - now);
    now = verdict.until;
    EXPECT_EQ(admission(quarantine, culprit, now), Admittance::take_alone);
  }
  EXPECT_LE(waits[0], Duration{10'000});
  EXPECT_LT(waits[0], waits[1]);
  quarantine.died({{culprit}}, now);
  EXPECT_EQ(admission(quarantine, culprit, now), Admittance::refuse);
  EXPECT_EQ(admission(quarantine, culprit, now + 20h), Admittance::refuse);
  // One that changes with each sending does not get in sooner.
  EXPECT_EQ(admission(quarantine, message("cam-1", "b"), now), Admittance::wait);
  EXPECT_EQ(admission(quarantine, message("cam-1", "b"), now + 11min), Admittance::take_alone);
}

TEST(Quarantine, DeathsAreForgottenAfterADay) {
  Quarantine quarantine("1.0");
  quarantine.died({{message("cam-1", "a")}}, start);
  quarantine.accept(message("cam-1", "a"), start + 10s);
  EXPECT_EQ(admission(quarantine, message("cam-1", "b"), start + 20s), Admittance::take_alone);
  EXPECT_EQ(admission(quarantine, message("cam-1", "b"), start + 25h), Admittance::take);
  quarantine.died({{message("cam-1", "a")}}, start + 26h);
  EXPECT_EQ(quarantine.admit(message("cam-1", "a"), start + 26h).until, start + 26h + 5s);
}

TEST(Quarantine, RateEndsWhenItIsCalm) {
  Quarantine quarantine("1.0");
  quarantine.refuse(message("cam-1", "", MessageKind::rate), "too much", start, 700);
  quarantine.tick(start + 1min);
  EXPECT_EQ(quarantine.in_quarantine(), 1u);
  quarantine.tick(start + 11min);
  EXPECT_EQ(quarantine.in_quarantine(), 0u);
  EXPECT_EQ(quarantine.take_changes(10).at(0).row.count, 700);
}

TEST(Quarantine, ForgetsWhatEndedLongAgo) {
  Quarantine quarantine("1.0");
  quarantine.refuse(message("cam-1", "a"), "bad", start);
  quarantine.accept(message("cam-1", "b"), start);
  quarantine.take_changes(10);
  quarantine.tick(start + 24h * 31);
  EXPECT_EQ(quarantine.rows(), 0u);
}

TEST(Quarantine, NeverGrowsOverItsLimitAndKeepsTheNewest) {
  Quarantine::Limits limits;
  limits.rows = 100;
  Quarantine quarantine("1.0", limits);
  for (int i = 0; i < 1000; ++i) quarantine.refuse(message("cam-" + std::to_string(i), "a"), "bad", start + i * 1s);
  EXPECT_LE(quarantine.rows(), 100u);
  EXPECT_EQ(admission(quarantine, message("cam-999", "a"), start + 1000s), Admittance::refuse);
  EXPECT_EQ(admission(quarantine, message("cam-0", "a"), start + 1000s), Admittance::take);
  EXPECT_LE(quarantine.take_changes(10'000).size(), 100u);
}

TEST(Quarantine, AReasonIsOneShortLineOfPlainText) {
  EXPECT_EQ(short_reason("first\nsecond"), "first");
  EXPECT_EQ(short_reason(std::string("a\0b\x7f\xff", 5)), "a?b??");
  EXPECT_EQ(short_reason(std::string(10'000, 'x')).size(), 200u);
}

TEST(Quarantine, KindsHaveNames) {
  for (const auto kind : {MessageKind::state, MessageKind::report, MessageKind::telemetry, MessageKind::event,
                          MessageKind::rate, MessageKind::allowance})
    EXPECT_EQ(parse_message_kind(to_string(kind)).value(), kind);
  EXPECT_FALSE(parse_message_kind("other"));
}

}  // namespace
}  // namespace argosy::server
