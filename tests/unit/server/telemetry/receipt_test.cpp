#include "server/telemetry/receipt.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

const Instant received_at = parse_rfc3339("2026-03-01T12:00:00Z").value();
constexpr Duration hour{3'600'000};

wire::TelemetryBatch batch_with(std::optional<double> offset_in_health) {
  wire::TelemetryBatch batch{"cam-7", "0123456789abcdef", 1, {}};
  wire::HealthSample sample;
  sample.clock_offset_ms = offset_in_health;
  batch.records.push_back({1, sample});
  return batch;
}

TEST(Receipt, TheTimeOfSendingTellsTheOffset) {
  auto batch = batch_with(2.0 * hour.count());
  EXPECT_EQ(receipt_of(batch, received_at).clock_ahead, 2 * hour) << "an older agent says it in its health alone";
  batch.sent_at = received_at + 3 * hour;
  EXPECT_EQ(receipt_of(batch, received_at).clock_ahead, 3 * hour);
  batch.sent_at = instant_from_ms(90'000);  // 1970
  EXPECT_EQ(receipt_of(batch, received_at).clock_ahead, instant_from_ms(90'000) - received_at);
}

TEST(Receipt, ASlowWayIsNoWrongClock) {
  auto batch = batch_with(std::nullopt);
  batch.sent_at = received_at - Duration{80'000};
  EXPECT_EQ(receipt_of(batch, received_at).clock_ahead, Duration{-80'000});
  batch.clock_offset = Duration{400};
  EXPECT_EQ(receipt_of(batch, received_at).clock_ahead, Duration{0});
}

TEST(Receipt, AnOffsetFromBeforeTheClockWasSetIsNotBelieved) {
  auto batch = batch_with(std::nullopt);
  batch.clock_offset = -2 * hour;
  batch.sent_at = received_at - Duration{900};
  EXPECT_EQ(receipt_of(batch, received_at).clock_ahead, Duration{0});
}

TEST(Receipt, AClockThatIsNearlyRightIsLeftAlone) {
  auto batch = batch_with(std::nullopt);
  for (const Duration off : {Duration{-30'000}, Duration{900}, Duration{30'000}}) {
    batch.clock_offset = off;
    EXPECT_EQ(receipt_of(batch, received_at).clock_ahead, Duration{0});
  }
}

TEST(Receipt, NoNumberOfAStrangerBreaksTheReckoning) {
  for (const double offset : {1e300, -1e300, 1e15, std::numeric_limits<double>::infinity()})
    EXPECT_EQ(receipt_of(batch_with(offset), received_at).clock_ahead, Duration{0});
  auto batch = batch_with(std::nullopt);
  for (const std::int64_t offset : {253'402'300'799'999, -253'402'300'799'999}) {
    batch.clock_offset = Duration{offset};
    EXPECT_EQ(place_in_time(received_at, receipt_of(batch, received_at)), received_at);
  }
}

TEST(PlaceInTime, ARecordOfAWrongClockIsPutWhereItHappened) {
  const Receipt ahead{received_at, 2 * hour};
  EXPECT_EQ(place_in_time(received_at + 2 * hour - Duration{60'000}, ahead), received_at - Duration{60'000});
  EXPECT_EQ(place_in_time(received_at - 24 * hour, ahead), received_at - 26 * hour) << "a backlog by the same clock";
  const Receipt since_1970{received_at, instant_from_ms(90'000) - received_at};
  EXPECT_EQ(place_in_time(instant_from_ms(30'000), since_1970), received_at - Duration{60'000});
}

TEST(PlaceInTime, WhatSaysNothingIsPutWhereItCame) {
  const Receipt right{received_at, Duration{0}};
  EXPECT_EQ(place_in_time(instant_from_ms(5), right), received_at) << "from before the clock was set";
  EXPECT_EQ(place_in_time(received_at + hour, right), received_at);
  EXPECT_EQ(place_in_time(received_at - 24 * 13 * hour, right), received_at - 24 * 13 * hour) << "a backlog";
}

}  // namespace
}  // namespace argosy::server
