#include "agent/telemetry/outbox.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/file.hpp"
#include "common/stats/log_histogram.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using test::TempFolder;
using namespace std::chrono_literals;

const Instant appended_at = instant_from_ms(1'700'000'000'000);

wire::HealthSample sample(double cpu) {
  wire::HealthSample health;
  health.at = appended_at;
  health.cpu_percent = cpu;
  return health;
}

Outbox open(const TempFolder& folder, Outbox::Limits limits = {}) {
  auto outbox = Outbox::open(folder / "outbox.db", limits);
  EXPECT_TRUE(outbox) << outbox.error().message;
  return std::move(*outbox);
}

void append(Outbox& outbox, int count, Instant at = appended_at) {
  for (int i = 0; i < count; ++i) ASSERT_TRUE(outbox.append(sample(i), at));
}

// As the server reads it.
wire::TelemetryBatch read(const wire::StoredBatch& batch) {
  const auto decoded = wire::decode_telemetry(wire::encode(batch));
  EXPECT_TRUE(decoded) << decoded.error().message;
  return decoded.value();
}

std::vector<std::uint64_t> numbers(Outbox& outbox, std::size_t records = 1000, std::size_t bytes = 1 << 20) {
  std::vector<std::uint64_t> seqs;
  const auto batch = outbox.batch("cam-7", records, bytes);
  EXPECT_TRUE(batch);
  if (batch && *batch)
    for (const auto& record : read(**batch).records) seqs.push_back(record.seq);
  return seqs;
}

TEST(Outbox, KeepsRecordsInOrderUntilTheyAreAcknowledged) {
  const TempFolder folder;
  Outbox outbox = open(folder);
  append(outbox, 3);
  EXPECT_EQ(numbers(outbox), (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(outbox.batch("cam-7", 2, 1 << 20)->value().oldest, 1u);
  ASSERT_TRUE(outbox.acknowledge({outbox.epoch(), 2}));
  EXPECT_EQ(numbers(outbox), (std::vector<std::uint64_t>{3}));
  EXPECT_EQ(outbox.records(), 1u);
  ASSERT_TRUE(outbox.acknowledge({outbox.epoch(), 3}));
  EXPECT_FALSE(outbox.batch("cam-7", 2, 1 << 20)->has_value());
  EXPECT_EQ(outbox.bytes(), 0u);
}

TEST(Outbox, NumbersGoOnAfterItWasEmptyAndReopened) {
  const TempFolder folder;
  std::string epoch;
  {
    Outbox outbox = open(folder);
    append(outbox, 5);
    epoch = outbox.epoch();
    ASSERT_TRUE(outbox.acknowledge({epoch, 5}));
  }
  Outbox outbox = open(folder);
  EXPECT_EQ(outbox.epoch(), epoch);
  EXPECT_EQ(*outbox.append(sample(1), appended_at), 6u);
}

TEST(Outbox, KnowsWhoseLabelsItsRecordsCount) {
  const TempFolder folder;
  {
    Outbox outbox = open(folder);
    std::vector<Outbox::Content> records;
    records.emplace_back(sample(1));
    records.emplace_back(sample(2));
    ASSERT_TRUE(outbox.append(std::move(records),
                              {{71, Outbox::LabelOrigin::server}, {72, Outbox::LabelOrigin::program}}, appended_at));
  }
  Outbox outbox = open(folder);
  EXPECT_EQ(numbers(outbox), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(outbox.counted_label(71).value(), Outbox::LabelOrigin::server);
  EXPECT_EQ(outbox.counted_label(72).value(), Outbox::LabelOrigin::program);
  EXPECT_EQ(outbox.counted_label(73).value(), std::nullopt);
  ASSERT_TRUE(outbox.append({}, {{73, Outbox::LabelOrigin::program}}, appended_at + Outbox::labels_kept + 1h));
  EXPECT_EQ(outbox.counted_label(71).value(), std::nullopt) << "longer than predictions wait";
  EXPECT_EQ(outbox.counted_label(73).value(), Outbox::LabelOrigin::program);
}

TEST(Outbox, BatchesAreBoundedByRecordsAndBytes) {
  const TempFolder folder;
  Outbox outbox = open(folder);
  append(outbox, 20);
  EXPECT_EQ(numbers(outbox, 7).size(), 7u);
  const std::size_t each = outbox.bytes() / 20;
  EXPECT_NEAR(static_cast<double>(numbers(outbox, 1000, each * 5).size()), 5, 1);
  EXPECT_EQ(numbers(outbox, 1000, 1).size(), 1u);  // one always fits, or nothing would ever leave
}

TEST(Outbox, FullOutboxDropsTheOldestAndCountsThem) {
  const TempFolder folder;
  Outbox::Limits limits;
  limits.max_bytes = 2000;
  Outbox outbox = open(folder, limits);
  append(outbox, 500);
  EXPECT_LE(outbox.bytes(), limits.max_bytes + 100);
  EXPECT_EQ(outbox.records() + outbox.dropped(), 500u);
  const auto seqs = numbers(outbox);
  EXPECT_EQ(seqs.back(), 500u);
  EXPECT_EQ(seqs.front(), outbox.dropped() + 1);
}

TEST(Outbox, OldRecordsAreDropped) {
  const TempFolder folder;
  Outbox::Limits limits;
  limits.max_age = 1h;
  Outbox outbox = open(folder, limits);
  append(outbox, 3, appended_at);
  append(outbox, 1, appended_at + 2h);
  EXPECT_EQ(numbers(outbox), (std::vector<std::uint64_t>{4}));
  EXPECT_EQ(outbox.dropped(), 3u);
}

TEST(Outbox, AckOfAnotherEpochChangesNothing) {
  const TempFolder folder;
  Outbox outbox = open(folder);
  append(outbox, 3);
  ASSERT_TRUE(outbox.acknowledge({"0123456789abcdef", 3}));
  EXPECT_EQ(outbox.records(), 3u);
}

TEST(Outbox, AckBeyondEveryNumberBeginsANewEpoch) {
  const TempFolder folder;
  Outbox outbox = open(folder);
  append(outbox, 3);
  const std::string epoch = outbox.epoch();
  ASSERT_TRUE(outbox.acknowledge({epoch, 100}));
  EXPECT_NE(outbox.epoch(), epoch);
  EXPECT_EQ(outbox.records(), 3u);
}

TEST(Outbox, DamagedFileIsSetAsideAndANewEpochBegins) {
  const TempFolder folder;
  std::string epoch;
  {
    Outbox outbox = open(folder);
    epoch = outbox.epoch();
  }
  ASSERT_TRUE(write_file_atomically(folder / "outbox.db", std::string(8192, 'x')));
  Outbox outbox = open(folder);
  EXPECT_NE(outbox.epoch(), epoch);
  EXPECT_TRUE(std::filesystem::exists(folder / "outbox.db.corrupt"));
  append(outbox, 1);
}

wire::TelemetryBatch batch_of(Outbox& outbox, std::size_t records = 1000) {
  return read(outbox.batch("cam-7", records, 1 << 20).value().value());
}

TEST(Outbox, AnAckWithALinkThatIsNotOursDeletesNothing) {
  const TempFolder folder;
  Outbox outbox = open(folder);
  append(outbox, 3);
  const auto batch = batch_of(outbox);
  ASSERT_EQ(batch.chain.size(), 4u);
  ASSERT_TRUE(outbox.acknowledge({outbox.epoch(), 3, batch.chain[3] + 1, {}}));
  EXPECT_EQ(outbox.records(), 3u) << "it is of another image of this outbox";
  ASSERT_TRUE(outbox.acknowledge({outbox.epoch(), 2, batch.chain[2], {}}));
  EXPECT_EQ(numbers(outbox), (std::vector<std::uint64_t>{3}));
  EXPECT_EQ(batch_of(outbox).chain, (std::vector<wire::ChainLink>{batch.chain[2], batch.chain[3]}));
  EXPECT_EQ(batch_of(outbox).since, 2u);
}

TEST(Outbox, WhatIsAskedForIsFiledUnderANewEpoch) {
  std::string epochs[2];
  for (std::string& renewed : epochs) {
    const TempFolder folder;
    Outbox outbox = open(folder);
    append(outbox, 5);
    const auto batch = batch_of(outbox);
    const auto epoch = outbox.epoch();
    ASSERT_TRUE(outbox.acknowledge({epoch, 2, batch.chain[2], wire::ChainPoint{5, batch.chain[5] + 1}}));
    EXPECT_EQ(outbox.epoch(), epoch) << "another agent is asked";
    ASSERT_TRUE(outbox.acknowledge({epoch, 2, batch.chain[2], wire::ChainPoint{5, batch.chain[5]}}));
    EXPECT_NE(outbox.epoch(), epoch);
    EXPECT_EQ(numbers(outbox), (std::vector<std::uint64_t>{1, 2, 3}));
    EXPECT_EQ(batch_of(outbox).oldest, 1u);
    renewed = outbox.epoch();
    outbox = open(folder);
    EXPECT_EQ(outbox.epoch(), renewed);
    EXPECT_EQ(*outbox.append(sample(1), appended_at), 4u);
  }
  EXPECT_NE(epochs[0], epochs[1]) << "these were two outboxes";
}

TEST(Outbox, WhatWasDroppedUnstoredLeavesItsNumbersFreeInTheNewEpoch) {
  const TempFolder folder;
  Outbox::Limits limits;
  limits.max_bytes = 2000;
  Outbox outbox = open(folder, limits);
  append(outbox, 200);
  const auto dropped = outbox.dropped();
  ASSERT_GT(dropped, 0u);
  const auto batch = batch_of(outbox);
  EXPECT_EQ(batch.since, 0u);
  ASSERT_TRUE(outbox.acknowledge({outbox.epoch(), batch.oldest - 1, batch.chain.front(),
                                  wire::ChainPoint{batch.records.back().seq, batch.chain.back()}}));
  EXPECT_EQ(batch_of(outbox).oldest, dropped + 1);
}

// Files of agents without chains: what lies in them leaves by its numbers, and the rest has a chain from its first on.
TEST(Outbox, AFileOfAnOlderAgentIsSealedAndGoesOnUnderANewEpoch) {
  const TempFolder folder;
  std::string epoch;
  {
    Outbox outbox = open(folder);
    append(outbox, 3);
    epoch = outbox.epoch();
  }
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((folder / "outbox.db").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "delete from meta where key = 'place'; drop table refused", nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(db);
  Outbox outbox = open(folder);
  append(outbox, 2);
  outbox = open(folder);
  EXPECT_EQ(outbox.epoch(), epoch);
  EXPECT_EQ(numbers(outbox), (std::vector<std::uint64_t>{1, 2, 3})) << "and not what came after";
  EXPECT_TRUE(batch_of(outbox).chain.empty());
  ASSERT_TRUE(outbox.acknowledge({epoch, 120}));  // the one this was copied from went on
  EXPECT_NE(outbox.epoch(), epoch);
  EXPECT_EQ(numbers(outbox), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(batch_of(outbox).chain.size(), 3u);
}

TEST(Outbox, WhatTheServerRefusesIsSetAsideCountedAndBounded) {
  const TempFolder folder;
  Outbox outbox = open(folder);
  append(outbox, 30);
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(outbox.set_aside_oldest("no such year " + std::to_string(i)));
  outbox = open(folder);
  EXPECT_EQ(outbox.refusals().records, 25u);
  EXPECT_EQ(outbox.refusals().newest, "no such year 24");
  EXPECT_EQ(outbox.dropped(), 0u);
  const auto batch = batch_of(outbox);
  EXPECT_EQ(batch.oldest, 26u);
  EXPECT_EQ(batch.refused, 25u);
  EXPECT_EQ(batch.since, 0u);
  ASSERT_TRUE(outbox.acknowledge({outbox.epoch(), 27, batch.chain[2], {}}));
  EXPECT_EQ(batch_of(outbox).refused, 0u) << "the server knows";
}

// One that the disk damaged.
TEST(Outbox, ARecordThatCannotBeReadDoesNotHoldUpTheOthers) {
  const TempFolder folder;
  Outbox outbox = open(folder);
  append(outbox, 5);
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((folder / "outbox.db").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "update records set content = x'00' where seq in (1, 4)", nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(db);
  EXPECT_EQ(numbers(outbox), (std::vector<std::uint64_t>{2, 3}));
  const auto batch = batch_of(outbox);
  ASSERT_TRUE(outbox.acknowledge({outbox.epoch(), 3, batch.chain[2], {}}));
  EXPECT_EQ(numbers(outbox), (std::vector<std::uint64_t>{5}));
  EXPECT_EQ(outbox.refusals().records, 2u);
}

TEST(Outbox, ABatchOfWhatLiesThereIsTheBatchOfItsRecords) {
  const TempFolder folder;
  Outbox outbox = open(folder);
  append(outbox, 3);
  wire::InferenceWindow window;
  window.started_at = window.ended_at = appended_at;
  window.model = "digits";
  window.version = "1.0";
  window.latency = LogHistogram{}.encode();
  ASSERT_TRUE(outbox.append(window, appended_at));
  auto stored = outbox.batch("cam-7", 1000, 1 << 20).value().value();
  stored.sent_at = appended_at;
  stored.clock_offset = Duration{-1500};
  EXPECT_EQ(wire::encode(stored), wire::encode(read(stored)));
}

// The server says what is wrong with it, in words of its own version.
TEST(Outbox, WhatARecordSaysIsNotJudgedHere) {
  const TempFolder folder;
  Outbox outbox = open(folder);
  wire::HealthSample impossible = sample(1e300);
  ASSERT_TRUE(outbox.append(impossible, appended_at));
  const auto batch = outbox.batch("cam-7", 1000, 1 << 20).value();
  ASSERT_TRUE(batch);
  EXPECT_EQ(wire::decode_telemetry(wire::encode(*batch)).error().code, Errc::malformed_cbor);
  EXPECT_EQ(outbox.refusals().records, 0u);
}

TEST(Outbox, WhatWasKeptBeforeTheClockWasSetIsNotTooOld) {
  const TempFolder folder;
  Outbox outbox = open(folder);
  append(outbox, 3, instant_from_ms(90'000));
  append(outbox, 1, appended_at);
  EXPECT_EQ(outbox.records(), 4u);
}

// A process is killed while it appends; what it had said to be appended is there, and no number is given twice.
TEST(Outbox, KilledAtAnyMomentNothingThatWasAppendedIsLost) {
  const TempFolder folder;
  std::uint64_t known = 0;
  for (int round = 0; round < 5; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto outbox = Outbox::open(folder / "outbox.db", {});
      for (;;) {
        const auto seq = outbox->append(sample(1), appended_at);
        if (!seq || ::write(ends[1], &*seq, sizeof *seq) != sizeof *seq) ::_exit(1);
      }
    }
    ::close(ends[1]);
    std::uint64_t seq = 0;
    for (int i = 0; i < 5 + round; ++i) {
      ASSERT_EQ(::read(ends[0], &seq, sizeof seq), static_cast<ssize_t>(sizeof seq));
      EXPECT_GT(seq, known);
      known = seq;
    }
    ::kill(child, SIGKILL);
    while (::read(ends[0], &seq, sizeof seq) == static_cast<ssize_t>(sizeof seq)) known = seq;
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    Outbox outbox = open(folder);
    const auto seqs = numbers(outbox, 100'000, 1 << 30);
    ASSERT_GE(seqs.size(), known);
    for (std::size_t i = 0; i < seqs.size(); ++i) ASSERT_EQ(seqs[i], i + 1);
    known = seqs.back();
  }
}

Instant at_of(const wire::TelemetryRecord& record) {
  return std::get<wire::HealthSample>(record.content).at;
}

std::vector<Instant> times(Outbox& outbox) {
  std::vector<Instant> found;
  for (const auto& record : read(outbox.batch("cam-7", 1000, 1 << 20).value().value()).records)
    found.push_back(at_of(record));
  return found;
}

TEST(Outbox, WhatWasNotToldYetMovesWithTheClockAndKeepsItsChain) {
  const TempFolder folder;
  {
    Outbox earlier = open(folder);
    append(earlier, 1);
  }
  Outbox outbox = open(folder);
  append(outbox, 1);
  ASSERT_TRUE(outbox.batch("cam-7", 1000, 1 << 20).value());  // told: the server may have it
  append(outbox, 2);
  ASSERT_TRUE(outbox.shift(24h));
  EXPECT_EQ(times(outbox), (std::vector<Instant>{appended_at, appended_at, appended_at + 24h, appended_at + 24h}));

  const auto told = outbox.batch("cam-7", 1000, 1 << 20).value().value();
  ASSERT_TRUE(outbox.acknowledge({outbox.epoch(), 4, told.chain.back(), {}}));
  EXPECT_EQ(outbox.records(), 0u);
}

TEST(Outbox, NothingIsDroppedForItsAgeBeforeTheTimeIsKnown) {
  const TempFolder folder;
  Outbox outbox = open(folder, {16 << 20, 1h});
  outbox.trust_time(false);
  append(outbox, 1);
  append(outbox, 1, appended_at + std::chrono::hours(24 * 100));
  EXPECT_EQ(outbox.dropped(), 0u);
  outbox.trust_time(true);
  append(outbox, 1, appended_at + std::chrono::hours(24 * 100));
  EXPECT_EQ(outbox.dropped(), 1u);
}

TEST(Outbox, OneThatIsClosedTakesNothingUntilItsDiskLetsItBeOpened) {
  const TempFolder folder;
  Outbox outbox = Outbox::closed(folder / "later/outbox.db", {});
  EXPECT_FALSE(outbox.append(sample(1), appended_at));
  EXPECT_FALSE(outbox.batch("cam-7", 10, 1 << 20).value());
  EXPECT_TRUE(outbox.shift(1h));
  EXPECT_FALSE(outbox.reopen());
  std::filesystem::create_directories(folder / "later");
  ASSERT_TRUE(outbox.reopen());
  EXPECT_EQ(*outbox.append(sample(1), appended_at), 1u);
}

}  // namespace
}  // namespace argosy::agent
