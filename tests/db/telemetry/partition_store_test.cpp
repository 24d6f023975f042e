#include "server/telemetry/partition_store.hpp"

#include <gtest/gtest.h>

#include "server/telemetry/telemetry_store.hpp"
#include "tests/support/fleet_rows.hpp"
#include "tests/support/window_rows.hpp"

namespace argosy::server {
namespace {

using std::chrono::days;

const Instant noon = parse_rfc3339("2026-03-01T12:00:00Z").value();

class Partitions : public ::testing::Test {
 protected:
  void SetUp() override { test::add_device(database, "cam-1"); }

  std::vector<PastPartitions> keep_only(const KeepPartitions& keep) {
    pqxx::work transaction(database.connection());
    auto past = keep(transaction);
    transaction.commit();
    return past;
  }
  void drop(const PastPartitions& past) {
    pqxx::work transaction(database.connection());
    DropPartitions{past}(transaction);
    transaction.commit();
  }
  void keep(Instant now, int retention_days = 30) {
    for (const auto& past : keep_only({.now = now, .retention_days = retention_days})) drop(past);
  }
  void store(std::vector<Instant> times) {
    wire::TelemetryBatch batch{"cam-1", test::epoch, next_seq, {}};
    for (const auto at : times) batch.records.push_back({next_seq++, test::health(at, 7)});
    pqxx::work transaction(database.connection());
    ASSERT_TRUE(StoreTelemetry({{std::make_shared<const wire::TelemetryBatch>(batch)}, noon, days{30}})(transaction));
    transaction.commit();
  }
  // As an hour of one window, packed or added up.
  void add_hour(const std::string& table, const std::string& start, const std::string& at) {
    const bool is_packed = table == "telemetry_packed";
    database.exec("insert into " + table + " (" + start + ", windows, device_id, model, version, " +
                  (is_packed ? "epoch, first_seq, last_seq, packed" : "figures") + ") values ('" + at +
                  "', 1, 'cam-1', 'digits', '1.0', " + (is_packed ? "x'0123456789abcdef'::bigint, 7, 7, ''" : "''") +
                  ")");
  }
  std::string partitions_of_all(const std::string& table = "health_samples", const std::string& time = "at") {
    return database.value<std::string>("select coalesce(string_agg(tableoid::regclass::text, ' ' order by " + time +
                                       "), '') from " + table);
  }

  test::TestDatabase database;
  std::uint64_t next_seq = 1;
};

TEST_F(Partitions, AreMadeFromYesterdayToThreeDaysAhead) {
  keep(noon);
  keep(noon);
  EXPECT_EQ(
      database.value<std::string>("select string_agg(relname, ' ' order by relname) from pg_class where relkind = 'r' "
                                  "and relname like 'health_samples%'"),
      "health_samples_20260228 health_samples_20260301 health_samples_20260302 health_samples_20260303 "
      "health_samples_20260304 health_samples_default");
  EXPECT_EQ(database.value<int>("select count(*) from pg_inherits where inhparent = 'telemetry_packed'::regclass"), 6);
  EXPECT_EQ(database.value<int>("select count(*) from pg_inherits where inhparent = 'telemetry_hours'::regclass"), 6);
  EXPECT_EQ(database.value<int>("select count(*) from pg_indexes where tablename = 'telemetry_packed_20260301'"), 1);
}

TEST_F(Partitions, OfDaysAddedUpAreMonths) {
  keep(noon);
  for (const char* month : {"2026-02-01", "2026-03-01"})
    database.exec("insert into telemetry_days (month, windows, device_id, model, version, entries, shapes) values ('" +
                  std::string(month) + "T00:00:00Z', 1, 'cam-1', 'digits', '1.0', '', '')");
  keep(parse_rfc3339("2026-03-30T12:00:00Z").value());
  EXPECT_EQ(partitions_of_all("telemetry_days", "month"), "telemetry_days_20260201 telemetry_days_20260301");
}

TEST_F(Partitions, WhatHasNoDayYetMovesOutOfTheDefaultOnceItsDayIsMade) {
  keep(noon);
  store({noon - days{5}, noon, noon + days{4}});
  EXPECT_EQ(partitions_of_all(), "health_samples_default health_samples_20260301 health_samples_20260301")
      << "nothing happens in the future";
  keep(noon + days{1});
  EXPECT_EQ(partitions_of_all(), "health_samples_20260224 health_samples_20260301 health_samples_20260301");
}

TEST_F(Partitions, ArePastTheRetentionDropped) {
  keep(noon);
  store({noon - days{9}, noon - days{1}, noon});
  for (const auto& [table, start] : {std::pair("telemetry_packed", "hour"), std::pair("telemetry_hours", "hour")})
    for (const auto at : {noon - days{9}, noon - days{1}, noon}) add_hour(table, start, to_rfc3339(at));
  keep(noon + days{8}, 8);
  EXPECT_EQ(partitions_of_all(), "health_samples_20260301");
  EXPECT_EQ(partitions_of_all("telemetry_packed", "hour"), "telemetry_packed_20260301");
  EXPECT_EQ(database.value<int>("select count(*) from telemetry_hours"), 3);
  EXPECT_EQ(database.value<int>("select count(*) from pg_class where relname = 'health_samples_20260228'"), 0);
  EXPECT_EQ(database.value<std::string>("select packed_from at time zone 'UTC' from telemetry_levels"),
            "2026-03-01 00:00:00");
}

TEST_F(Partitions, AReaderThatDoesNotLetGoHoldsUpNeitherIngestNorOtherTables) {
  keep(noon);
  store({noon - days{1}});
  add_hour("telemetry_packed", "hour", to_rfc3339(noon - days{1}));
  pqxx::connection connection(database.conninfo());
  pqxx::work backup(connection);
  backup.exec("select count(*) from health_samples_20260228");
  const auto past = keep_only({.now = noon + days{8}, .retention_days = 8});
  ASSERT_EQ(past.size(), 2u);
  EXPECT_EQ(past[0].table, "health_samples");
  try {
    drop(past[0]);
    FAIL() << "it took the table from its reader";
  } catch (const pqxx::sql_error& error) {
    EXPECT_EQ(error.sqlstate(), "55P03");
  }
  store({noon});
  drop(past[1]);
  EXPECT_EQ(partitions_of_all("telemetry_packed", "hour"), "");
  backup.commit();
  keep(noon + days{8}, 8);
  EXPECT_EQ(partitions_of_all(), "health_samples_20260301");
}

TEST_F(Partitions, AreDroppedSomeAtATime) {
  for (int day = 0; day < PastPartitions::most + 9; ++day)
    add_hour("telemetry_hours", "hour", to_rfc3339(noon - days{day}));
  database.exec("update telemetry_levels set days_until = '2026-03-01T00:00:00Z'");
  const KeepPartitions few{.now = noon, .hours_retention_days = 1};
  EXPECT_TRUE(keep_only({.now = noon}).empty());
  const auto past = keep_only(few);
  ASSERT_EQ(past.size(), 1u);
  EXPECT_EQ(past[0].partitions.size(), std::size_t{PastPartitions::most});
  drop(past[0]);
  const auto rest = keep_only(few);
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].partitions.size(), 7u);
  drop(rest[0]);
  EXPECT_TRUE(keep_only(few).empty());
  EXPECT_EQ(database.value<int>("select count(*) from telemetry_hours"), 2);
}

TEST_F(Partitions, HoursStayUntilTheirDayIsAddedUp) {
  keep(noon);
  add_hour("telemetry_hours", "hour", to_rfc3339(noon));
  add_hour("telemetry_hours", "hour", to_rfc3339(noon - days{9}));
  database.exec("update telemetry_levels set days_until = '2026-02-28T00:00:00Z'");
  keep(noon + days{200});
  EXPECT_EQ(partitions_of_all("telemetry_hours", "hour"), "telemetry_hours_20260301") << "nobody led for half a year";
  database.exec("update telemetry_levels set days_until = '2026-03-02T00:00:00Z'");
  keep(noon + days{200});
  EXPECT_EQ(partitions_of_all("telemetry_hours", "hour"), "");
}

TEST_F(Partitions, WhatIsDeletedUnreadIsCountedAsLost) {
  keep(noon);
  store({instant_from_ms(1'714'000'000'000), noon});  // 2024, and honest about it
  EXPECT_EQ(partitions_of_all(), "health_samples_20260301");
  EXPECT_EQ(database.value<int>("select unread from telemetry_cursors"), 1);
  add_hour("telemetry_packed", "hour", "2024-03-01T12:00:00Z");
  keep(noon + days{1});
  EXPECT_EQ(partitions_of_all("telemetry_packed", "hour"), "");
  EXPECT_EQ(database.value<int>("select unread from telemetry_cursors"), 2);
}

// Rows from before the receipt was noted.
TEST_F(Partitions, OldRowsOfOddYearsLeaveTheDefaultPartition) {
  keep(noon);
  store({noon});
  for (const char* year : {"1970-01-01T00:00:05Z", "2060-01-01T00:00:00Z"})
    database.exec("insert into health_samples (device_id, epoch, seq, at, sample) values ('cam-1', '" +
                  std::string(test::epoch) + "', 7, '" + year + "', '{}')");
  keep(noon + days{1});
  EXPECT_EQ(partitions_of_all(), "health_samples_20260301 health_samples_20260302");
  EXPECT_EQ(database.value<int>("select unread from telemetry_cursors"), 1);
}

}  // namespace
}  // namespace argosy::server
