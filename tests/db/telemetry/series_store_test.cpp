#include "server/telemetry/series_store.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/telemetry/partition_store.hpp"
#include "server/telemetry/telemetry_store.hpp"
#include "tests/support/fleet_rows.hpp"

namespace argosy::server {
namespace {

using test::health;
using test::window;

const Instant end = parse_rfc3339("2026-03-01T12:00:00Z").value();

class SeriesOfADevice : public ::testing::Test {
 protected:
  void SetUp() override {
    test::add_device(database, "cam-1");
    pqxx::work transaction(database.connection());
    KeepPartitions{end}(transaction);
    wire::TelemetryBatch batch{"cam-1", test::epoch, 1, {}};
    for (std::uint64_t minute = 0; minute < 120; ++minute) {
      const auto at = end - Duration{static_cast<std::int64_t>(120 - minute) * 60'000};
      batch.records.push_back({2 * minute + 1, window({.started_at = at,
                                                       .latency_ms = minute < 60 ? 10.0 : 30.0,
                                                       .version = minute < 60 ? "1.0" : "1.1"})});
      auto& told = std::get<wire::InferenceWindow>(batch.records.back().content);
      told.numbers["queue_depth"].add(static_cast<double>(minute));
      told.confidences.add(minute < 60 ? 0.9 : 0.7);
      told.entropy.add(0.5);
      told.tags["camera"].add("left");
      batch.records.push_back({2 * minute + 2, health(at, static_cast<double>(minute))});
    }
    EXPECT_TRUE(StoreTelemetry(
        {{std::make_shared<const wire::TelemetryBatch>(batch)}, end, std::chrono::hours(24 * 30)})(transaction));
    transaction.commit();
  }
  Result<Series> read(SeriesQuery query) {
    pqxx::work transaction(database.connection());
    return ReadSeries{std::move(query)}(transaction);
  }

  test::TestDatabase database;
};

TEST_F(SeriesOfADevice, FoldsWindowsAndHealthIntoThePointsAskedFor) {
  const auto series = read({"cam-1", "", end - Duration{7'200'000}, end, 13}).value();
  EXPECT_EQ(series.model, "digits");
  EXPECT_EQ(series.grid.step_s, 600);
  ASSERT_EQ(series.points.size(), 12u);
  EXPECT_NEAR(*series.points.front().p95, 10, 0.1);
  EXPECT_NEAR(*series.points.back().p95, 30, 0.3);
  EXPECT_NEAR(*series.points.front().throughput_hz, 100.0 / 60, 1e-9);
  EXPECT_EQ(series.points[5].version, "1.0");
  EXPECT_EQ(series.points[6].version, "1.1");
  EXPECT_NEAR(series.points.front().numbers.at("queue_depth"), 4.5, 1e-9);
  EXPECT_NEAR(*series.points.front().confidence, 0.9, 1e-9);
  EXPECT_NEAR(*series.points.back().confidence, 0.7, 1e-9);
  EXPECT_NEAR(*series.points.back().entropy, 0.5, 1e-9);
  EXPECT_GT(series.confidences.count(), 0u);
  EXPECT_EQ(series.tags.at("camera").values.at("left"), series.confidences.count());
  ASSERT_EQ(series.health.t.size(), 12u);
  EXPECT_NEAR(*series.health.columns.at("cpu_percent")[0], 4.5, 1e-9);
}

TEST_F(SeriesOfADevice, ADeviceThatNamesItsReadingsAnewEachTimeFillsNoChart) {
  wire::TelemetryBatch batch{"cam-1", test::epoch, 1, {}};
  for (int minute = 0; minute < 60; ++minute) {
    auto sample = health(end - Duration{(60 - minute) * 60'000}, 1);
    for (int i = 0; i < 16; ++i) sample.numbers["n" + std::to_string(16 * minute + i)] = i;
    batch.records.push_back({static_cast<std::uint64_t>(241 + minute), sample});
  }
  pqxx::work transaction(database.connection());
  EXPECT_TRUE(StoreTelemetry({{std::make_shared<const wire::TelemetryBatch>(batch)}, end, std::chrono::hours(24 * 30)})(
      transaction));
  transaction.commit();
  const auto series = read({"cam-1", "", end - Duration{7'200'000}, end, 13}).value();
  EXPECT_TRUE(series.health.columns.contains("custom.n0"));
  EXPECT_LE(series.health.columns.size(), wire::health_fields.size() + series_number_limit);
  EXPECT_TRUE(series.health.columns.contains("cpu_percent"));
}

TEST_F(SeriesOfADevice, ShowsWhatHappenedAsMarkers) {
  database.exec(
      "insert into events (at, kind, device_id, message) values ('2026-03-01T11:30:00Z', 'alert.firing', 'cam-1', "
      "'slow'), ('2026-03-01T11:31:00Z', 'device.presence', 'cam-1', 'no marker'), ('2026-02-01T11:30:00Z', "
      "'alert.firing', 'cam-1', 'long ago')");
  const auto series = read({"cam-1", "digits", end - Duration{7'200'000}, end, 300}).value();
  ASSERT_EQ(series.markers.size(), 1u);
  EXPECT_EQ(series.markers[0].label, "slow");
  EXPECT_EQ(nlohmann::json::parse(series_to_json(series))["markers"][0]["kind"], "alert.firing");
}

TEST_F(SeriesOfADevice, OfAnotherTimeOrModelIsEmptyAndOfNobodyNotFound) {
  EXPECT_EQ(nlohmann::json::parse(series_to_json(
                read({"cam-1", "digits", end + Duration{1000}, end + Duration{9'000'000}, 300}).value()))["t"]
                .size(),
            0u);
  EXPECT_EQ(
      nlohmann::json::parse(series_to_json(read({"cam-1", "other", end - Duration{7'200'000}, end, 300}).value()))["t"]
          .size(),
      0u);
  EXPECT_EQ(read({"nobody", "", end - Duration{1000}, end, 300}).error().code, Errc::not_found);
}

}  // namespace
}  // namespace argosy::server
