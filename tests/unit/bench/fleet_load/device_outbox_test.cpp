#include "tests/bench/fleet_load/device_outbox.hpp"

#include <gtest/gtest.h>

namespace argosy::fleet_load {
namespace {

Entry window(std::int64_t start_ms) {
  return {.start_ms = start_ms, .length_ms = 1000, .content = static_cast<std::uint32_t>(start_ms) & 0xFF};
}

DeviceOutbox outbox_of(std::size_t windows, std::size_t limit = 100) {
  DeviceOutbox outbox(7, limit);
  for (std::size_t i = 0; i < windows; ++i) outbox.append(window(1000 + static_cast<std::int64_t>(i)));
  return outbox;
}

wire::TelemetryAck ack_of(const DeviceOutbox& outbox, std::uint64_t seq) {
  return {outbox.epoch(), seq, outbox.link(seq), {}};
}

TEST(DeviceOutbox, SendsOneMessageAtATimeAndForgetsWhatIsStored) {
  auto outbox = outbox_of(5);
  const auto range = outbox.take(3);
  EXPECT_EQ(range.first, 1U);
  EXPECT_EQ(range.count, 3U);
  EXPECT_EQ(range.new_windows, 3U);
  EXPECT_EQ(outbox.take(3).count, 0U) << "one is under way";
  const auto outcome = outbox.acknowledge(ack_of(outbox, 3));
  EXPECT_TRUE(outcome.answers);
  EXPECT_EQ(outcome.windows, 3U);
  EXPECT_EQ(outbox.before(), 3U);
  EXPECT_EQ(outbox.since(), 3U);
  EXPECT_EQ(outbox.records(), 2U);
  EXPECT_EQ(outbox.take(3).first, 4U);
}

TEST(DeviceOutbox, SendsTheSameAgainAfterNoAnswer) {
  auto outbox = outbox_of(2);
  outbox.take(1);
  const auto link = outbox.link(1);
  outbox.forget_under_way();
  const auto again = outbox.take(2);
  EXPECT_EQ(again.first, 1U);
  EXPECT_EQ(again.repeated_windows, 1U);
  EXPECT_EQ(again.new_windows, 1U);
  EXPECT_EQ(outbox.link(1), link);
}

TEST(DeviceOutbox, AnAckOfAnotherOutboxChangesNothing) {
  auto outbox = outbox_of(2);
  outbox.take(2);
  auto other_epoch = ack_of(outbox, 2);
  other_epoch.epoch = "0123456789abcdef";
  auto other_link = ack_of(outbox, 2);
  ++*other_link.link;
  wire::TelemetryAck beyond{outbox.epoch(), 9, 1, {}};
  for (const auto& ack : {other_epoch, other_link, beyond}) {
    const auto outcome = outbox.acknowledge(ack);
    EXPECT_FALSE(outcome.answers);
    EXPECT_EQ(outcome.windows, 0U);
    EXPECT_EQ(outbox.records(), 2U);
  }
}

TEST(DeviceOutbox, AnOldAckIsNoAnswer) {
  auto outbox = outbox_of(3);
  outbox.take(1);
  const auto first = ack_of(outbox, 1);
  outbox.acknowledge(first);
  outbox.take(1);
  EXPECT_FALSE(outbox.acknowledge(first).answers) << "of a repeat, say";
  EXPECT_EQ(outbox.under_way(), 1U);
}

TEST(DeviceOutbox, KeepsTheNewestStoredRecordForRepeats) {
  auto outbox = outbox_of(3);
  EXPECT_EQ(outbox.newest_stored(), nullptr);
  outbox.take(2);
  const auto before = outbox.link(1), link = outbox.link(2);
  outbox.acknowledge(ack_of(outbox, 2));
  const auto* stored = outbox.newest_stored();
  ASSERT_NE(stored, nullptr);
  EXPECT_EQ(stored->seq, 2U);
  EXPECT_EQ(stored->before, before);
  EXPECT_EQ(stored->link, link);
  EXPECT_EQ(stored->entry.start_ms, 1001);
}

TEST(DeviceOutbox, AFullOneDropsItsOldest) {
  auto outbox = outbox_of(3, 3);
  outbox.take(1);
  outbox.append(window(2000));
  EXPECT_EQ(outbox.dropped(), 1U);
  EXPECT_EQ(outbox.records(), 3U);
  EXPECT_EQ(outbox.before(), 1U);
  EXPECT_EQ(outbox.under_way(), 0U);
  EXPECT_EQ(outbox.since(), 0U) << "nobody knows it to be stored: the server counts it as lost";
}

TEST(DeviceOutbox, ARenewedEpochHasTheRestUnderNumbersFromOne) {
  auto outbox = outbox_of(4);
  outbox.take(4);
  const std::string old_epoch = outbox.epoch();
  auto ack = ack_of(outbox, 2);
  ack.renew = wire::ChainPoint{4, outbox.link(4)};
  const auto outcome = outbox.acknowledge(ack);
  EXPECT_TRUE(outcome.renewed);
  EXPECT_TRUE(outcome.answers);
  EXPECT_EQ(outcome.windows, 2U);
  EXPECT_NE(outbox.epoch(), old_epoch);
  EXPECT_EQ(outbox.epoch().size(), 16U);
  EXPECT_EQ(outbox.before(), 0U);
  EXPECT_EQ(outbox.records(), 2U);
  EXPECT_EQ(outbox.newest_stored(), nullptr);
  const auto range = outbox.take(5);
  EXPECT_EQ(range.first, 1U);
  EXPECT_EQ(range.repeated_windows, 2U);
  EXPECT_EQ(outbox.entry(1).start_ms, 1002);
  EXPECT_EQ(outbox.acknowledge(ack_of(outbox, 2)).windows, 2U);
}

TEST(DeviceOutbox, TwoImagesOfOneOutboxRenewAlike) {
  auto one = outbox_of(4), other = outbox_of(4);
  for (auto* each : {&one, &other}) {
    auto ack = ack_of(*each, 1);
    ack.renew = wire::ChainPoint{4, each->link(4)};
    each->acknowledge(ack);
  }
  EXPECT_EQ(one.epoch(), other.epoch());
  EXPECT_EQ(one.link(3), other.link(3));
}

TEST(DeviceOutbox, ARefusedRecordIsSetAsideAndCounted) {
  auto outbox = outbox_of(2);
  outbox.take(1);
  outbox.forget_under_way();
  outbox.set_aside_oldest();
  EXPECT_EQ(outbox.refused(), 1U);
  EXPECT_EQ(outbox.before(), 1U);
  outbox.take(1);
  outbox.acknowledge(ack_of(outbox, 2));
  EXPECT_EQ(outbox.refused(), 0U) << "it lies before what is stored";
}

TEST(DeviceOutbox, StaysSmallWhileMuchGoesThrough) {
  DeviceOutbox outbox(1, 50);
  for (int i = 0; i < 10'000; ++i) {
    outbox.append(window(i));
    outbox.append(window(i));
    outbox.take(2);
    ASSERT_EQ(outbox.acknowledge(ack_of(outbox, outbox.before() + 2)).windows, 2U);
  }
  EXPECT_EQ(outbox.before(), 20'000U);
  EXPECT_EQ(outbox.dropped(), 0U);
}

TEST(DeviceOutbox, HealthIsCountedByItself) {
  auto outbox = outbox_of(1);
  outbox.append({.start_ms = 5, .length_ms = 0, .content = 1, .is_health = 1});
  const auto range = outbox.take(9);
  EXPECT_EQ(range.new_windows, 1U);
  EXPECT_EQ(range.new_health, 1U);
  const auto outcome = outbox.acknowledge(ack_of(outbox, 2));
  EXPECT_EQ(outcome.windows, 1U);
  EXPECT_EQ(outcome.health, 1U);
}

}  // namespace
}  // namespace argosy::fleet_load
