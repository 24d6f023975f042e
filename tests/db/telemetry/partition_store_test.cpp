#include "server/telemetry/partition_store.hpp"

#include <gtest/gtest.h>

#include "server/telemetry/telemetry_store.hpp"
#include "tests/support/fleet_rows.hpp"
#include "tests/support/window_rows.hpp"

namespace argosy::server {
namespace {

using std::chrono::days;
using test::window;

const Instant noon = parse_rfc3339("2026-03-01T12:00:00Z").value();

class Partitions : public ::testing::Test {
 protected:
  void SetUp() override { test::add_device(database, "cam-1"); }

  void keep(Instant now, int retention_days = 30) {
    pqxx::work transaction(database.connection());
    KeepPartitions{now, 3, retention_days}(transaction);
    transaction.commit();
  }
  void store(std::vector<Instant> times) {
    wire::TelemetryBatch batch{"cam-1", test::epoch, next_seq, {}};
    for (const auto at : times) batch.records.push_back({next_seq++, window({.started_at = at})});
    pqxx::work transaction(database.connection());
    ASSERT_TRUE(StoreTelemetry({{std::make_shared<const wire::TelemetryBatch>(batch)}, noon, days{30}})(transaction));
    transaction.commit();
  }
  std::string partition_of_all() {
    return database.value<std::string>(
        "select coalesce(string_agg(tableoid::regclass::text, ' ' order by started_at), '') from telemetry_windows");
  }

  test::TestDatabase database;
  std::uint64_t next_seq = 1;
};

TEST_F(Partitions, AreMadeFromYesterdayToThreeDaysAhead) {
  keep(noon);
  keep(noon);
  EXPECT_EQ(
      database.value<std::string>("select string_agg(relname, ' ' order by relname) from pg_class where relkind = 'r' "
                                  "and relname like 'telemetry_windows%'"),
      "telemetry_windows_20260228 telemetry_windows_20260301 telemetry_windows_20260302 telemetry_windows_20260303 "
      "telemetry_windows_20260304 telemetry_windows_default");
  EXPECT_EQ(database.value<int>("select count(*) from pg_inherits where inhparent = 'health_samples'::regclass"), 6);
  EXPECT_EQ(database.value<int>("select count(*) from pg_indexes where tablename = 'telemetry_windows_20260301'"), 2);
}

TEST_F(Partitions, WhatHasNoDayYetMovesOutOfTheDefaultOnceItsDayIsMade) {
  keep(noon);
  store({noon - days{5}, noon, noon + days{4}});
  EXPECT_EQ(partition_of_all(), "telemetry_windows_default telemetry_windows_20260301 telemetry_windows_20260301")
      << "nothing happens in the future";
  keep(noon + days{1});
  EXPECT_EQ(partition_of_all(), "telemetry_windows_20260224 telemetry_windows_20260301 telemetry_windows_20260301");
}

TEST_F(Partitions, ArePastTheRetentionDropped) {
  keep(noon);
  store({noon - days{9}, noon - days{1}, noon});
  keep(noon + days{8}, 8);
  EXPECT_EQ(partition_of_all(), "telemetry_windows_20260301");
  EXPECT_EQ(database.value<int>("select count(*) from pg_class where relname = 'telemetry_windows_20260228'"), 0);
}

TEST_F(Partitions, WhatIsDeletedUnreadIsCountedAsLost) {
  keep(noon);
  store({instant_from_ms(1'714'000'000'000), noon});  // 2024, and honest about it
  EXPECT_EQ(partition_of_all(), "telemetry_windows_20260301");
  EXPECT_EQ(database.value<int>("select unread from telemetry_cursors"), 1);
}

// Rows from before the receipt was noted.
TEST_F(Partitions, OldRowsOfOddYearsLeaveTheDefaultPartition) {
  keep(noon);
  store({noon});
  for (const char* year : {"1970-01-01T00:00:05Z", "2060-01-01T00:00:00Z"}) {
    TakenWindow window{.device = "cam-1", .model = "digits", .version = "1.0"};
    window.started_at = window.ended_at = parse_rfc3339(year).value();
    test::add_window(database, window, 7);
  }
  keep(noon + days{1});
  EXPECT_EQ(partition_of_all(), "telemetry_windows_20260301 telemetry_windows_20260302");
  EXPECT_EQ(database.value<int>("select unread from telemetry_cursors"), 1);
}

}  // namespace
}  // namespace argosy::server
