#include "server/telemetry/telemetry.hpp"

#include <set>

#include <gtest/gtest.h>

#include "common/base/random.hpp"

namespace argosy::server {
namespace {

wire::TelemetryBatch batch_of(std::uint64_t first, std::uint64_t last, std::uint64_t oldest) {
  wire::TelemetryBatch batch{"cam-7", "0123456789abcdef", oldest, {}};
  for (auto seq = first; seq <= last; ++seq) batch.records.push_back({seq, wire::HealthSample{}});
  return batch;
}

TEST(Cursor, TheFirstBatchOfAnOutboxIsTakenWhole) {
  const auto next = continue_from({}, batch_of(1, 5, 1));
  EXPECT_EQ(next.skip, 0u);
  EXPECT_EQ(next.take, 5u);
  EXPECT_EQ(next.cursor, (Cursor{5, 0}));
}

TEST(Cursor, OfAnOverlapOnlyTheNewRecordsAreTaken) {
  const auto next = continue_from({5, 0}, batch_of(3, 8, 3));
  EXPECT_EQ(next.skip, 3u);
  EXPECT_EQ(next.take, 3u);
  EXPECT_EQ(next.cursor, (Cursor{8, 0}));
}

TEST(Cursor, ARepeatTakesNothing) {
  const auto next = continue_from({8, 2}, batch_of(3, 8, 3));
  EXPECT_EQ(next.take, 0u);
  EXPECT_EQ(next.cursor, (Cursor{8, 2}));
}

TEST(Cursor, AHoleTakesNothing) {
  const auto next = continue_from({5, 0}, batch_of(7, 9, 6));
  EXPECT_EQ(next.take, 0u);
  EXPECT_EQ(next.cursor, (Cursor{5, 0}));
}

TEST(Cursor, WhatTheDeviceDroppedIsCountedAsLost) {
  const auto next = continue_from({5, 1}, batch_of(9, 10, 9));
  EXPECT_EQ(next.take, 2u);
  EXPECT_EQ(next.cursor, (Cursor{10, 4})) << "6, 7 and 8 are lost, beside the one lost before";
}

TEST(Cursor, AnEmptyBatchAsksWhereTheCursorIs) {
  EXPECT_EQ(continue_from({5, 0}, batch_of(1, 0, 9)).cursor, (Cursor{5, 0}));
}

// An outbox that is bounded, on a network that loses, repeats and reorders batches and acks.
TEST(Cursor, EveryRecordIsStoredOnceOrCountedAsLostWhateverTheNetworkDoes) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Rng rng(seed);
    Cursor cursor;
    std::set<std::uint64_t> stored;
    std::vector<wire::TelemetryBatch> under_way;
    std::uint64_t oldest = 1;
    std::uint64_t newest = 0;
    const auto deliver = [&](const wire::TelemetryBatch& batch) {
      const auto next = continue_from(cursor, batch);
      for (std::size_t i = 0; i < next.take; ++i)
        ASSERT_TRUE(stored.insert(batch.records[next.skip + i].seq).second) << "stored twice, seed " << seed;
      cursor = next.cursor;
      if (rng.chance(0.7)) oldest = std::max(oldest, cursor.seq + 1);  // the ack arrives
    };
    for (int step = 0; step < 200; ++step) {
      newest += rng.below(4);
      if (newest - oldest + 1 > 20) oldest = newest - 19;  // the outbox is full
      if (newest >= oldest) under_way.push_back(batch_of(oldest, std::min(newest, oldest + rng.below(10)), oldest));
      if (under_way.empty()) continue;
      const auto which = rng.below(under_way.size());
      deliver(under_way[which]);
      if (rng.chance(0.8)) under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(which));
    }
    while (oldest <= newest) {
      deliver(batch_of(oldest, std::min(newest, oldest + 9), oldest));
      oldest = std::max(oldest, cursor.seq + 1);
    }
    ASSERT_EQ(cursor.seq, newest) << "seed " << seed;
    ASSERT_EQ(stored.size() + cursor.lost, newest) << "seed " << seed;
  }
}

}  // namespace
}  // namespace argosy::server
