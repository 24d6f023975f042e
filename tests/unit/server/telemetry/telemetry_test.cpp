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

// Its links are the first record's name and number: 'a' and 'b' are two images of one outbox that went their own ways.
wire::TelemetryBatch chained(std::uint64_t first, std::uint64_t last, std::uint64_t fork_after, char own) {
  auto batch = batch_of(first, last, first);
  batch.since = first - 1;
  for (auto seq = first - 1; seq <= last; ++seq)
    batch.chain.push_back(seq * 1000 + (seq > fork_after ? static_cast<unsigned char>(own) : 0));
  return batch;
}
StoredLinks links_of(std::uint64_t last, std::uint64_t fork_after, char own) {
  StoredLinks links;
  const auto all = chained(1, last, fork_after, own);
  for (std::uint64_t seq = 1; seq <= last; ++seq) links[seq] = all.chain[seq];
  return links;
}
const Cursor at_13{13, 0, 0, 13'000 + 'a'};

TEST(Chain, ARecordThatIsAnotherThanTheStoredOneIsAskedForUnderANewEpoch) {
  const auto restored = chained(8, 20, 10, 'b');
  EXPECT_EQ(links_needed(at_13, restored), (Sequences{8, 13}));
  const auto next = continue_from(at_13, restored, links_of(13, 10, 'a'));
  EXPECT_EQ(next.take, 0u);
  EXPECT_EQ(next.cursor, at_13);
  EXPECT_EQ(next.ack, (wire::TelemetryAck{restored.epoch, 10, 10'000, wire::ChainPoint{20, 20'000 + 'b'}}));
  EXPECT_EQ(next.forked_at, 11'000 + 'b');
}

TEST(Chain, OldRecordsOfARestoredDiskAreKnownForRepeatsUpToTheLastOfThem) {
  const auto next = continue_from(at_13, chained(6, 9, 10, 'b'), links_of(13, 10, 'a'));
  EXPECT_EQ(next.take, 0u);
  EXPECT_EQ(next.ack, (wire::TelemetryAck{"0123456789abcdef", 9, 9'000, {}})) << "and not up to our cursor";
}

TEST(Chain, ARestoredDiskWithNothingWaitingIsAskedForANewEpochToo) {
  const auto next = continue_from(at_13, chained(14, 15, 10, 'b'));
  EXPECT_EQ(next.take, 0u);
  EXPECT_EQ(next.ack.seq, 13u);
  EXPECT_TRUE(next.ack.renew);
}

TEST(Chain, WhatContinuesItIsTakenAndARepeatNeedsNoLookIntoTheTables) {
  const auto overlap = chained(9, 16, 10, 'a');
  EXPECT_FALSE(links_needed(at_13, overlap));
  const auto next = continue_from(at_13, overlap);
  EXPECT_EQ(next.skip, 5u);
  EXPECT_EQ(next.take, 3u);
  EXPECT_EQ(next.cursor, (Cursor{16, 0, 0, 16'000 + 'a'}));
  EXPECT_FALSE(links_needed(at_13, chained(9, 13, 10, 'a')));
  EXPECT_EQ(continue_from(at_13, chained(9, 13, 10, 'a')).ack,
            (wire::TelemetryAck{"0123456789abcdef", 13, 13'000 + 'a', {}}));
}

TEST(Chain, WhatOneImageDroppedCountsWhateverTheOtherFilledItsNumbersWith) {
  auto jump = chained(17, 18, 10, 'b');
  jump.since = 10;  // it dropped 11 to 16; of those we have 11 to 13 from the other
  jump.refused = 2;
  const auto next = continue_from(at_13, jump);
  EXPECT_EQ(next.take, 2u);
  EXPECT_EQ(next.cursor, (Cursor{18, 4, 2, 18'000 + 'b'}));
}

TEST(Chain, AServerFromABackupTakesWhatIsLeftAndCountsWhatIsNot) {
  const auto next = continue_from({5, 0, 0, 5'000}, chained(14, 15, 20, 'a'));
  EXPECT_EQ(next.take, 2u);
  EXPECT_EQ(next.cursor.lost, 8u);
}

TEST(Chain, RecordsOfAnAgentWithoutChainsEndTheChainAndAreTakenByNumber) {
  const auto next = continue_from(at_13, batch_of(14, 15, 14));
  EXPECT_EQ(next.take, 2u);
  EXPECT_EQ(next.cursor, (Cursor{15, 0}));
  EXPECT_EQ(continue_from(next.cursor, chained(16, 17, 20, 'a')).cursor.link, 17'000u) << "and a new one may begin";
}

TEST(Speaker, TwoAgentsReturnAgainAndAgainOneDiskThatWasChangedBackOnce) {
  const Instant now = instant_from_ms(1'767'225'600'000);
  const auto minute = Duration{60'000};
  auto speaker = speak(std::nullopt, "a", true, now);
  EXPECT_FALSE(speak(speaker, "a", false, now + minute)) << "a restart goes on under its epoch";
  speaker = speak(speaker, "b", true, now + minute);
  EXPECT_EQ(speaker->returns, 0) << "a restored disk begins one";
  speaker = speak(speaker, "a", false, now + 2 * minute);
  EXPECT_EQ(speaker->returns, 1);
  const auto much_later = speak(speaker, "b", false, now + 90 * minute);
  EXPECT_EQ(much_later->returns, 1);
  speaker = speak(speaker, "b", false, now + 3 * minute);
  EXPECT_EQ(speaker->returns, Speaker::returns_of_two);
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
