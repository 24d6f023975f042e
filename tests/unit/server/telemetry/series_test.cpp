#include "server/telemetry/series.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace argosy::server {
namespace {

Instant at_s(std::int64_t seconds) {
  return instant_from_ms(seconds * 1000);
}

TakenWindow window_at(std::int64_t start_s, std::int64_t length_s, double latency_ms, std::string version = "1.0") {
  TakenWindow row;
  row.started_at = at_s(start_s);
  row.ended_at = at_s(start_s + length_s);
  row.version = std::move(version);
  row.count = 100;
  row.errors = 5;
  row.labelled = 20;
  row.correct = 19;
  row.latency.add(latency_ms, 100);
  return row;
}

TEST(SeriesGrid, IsRoundAndNeverMoreThanAskedFor) {
  for (const std::int64_t range_s : {1, 59, 3600, 86400, 7 * 86400, 400 * 86400}) {
    for (const std::size_t points : {2, 10, 300, 2000}) {
      const auto grid = grid_of(at_s(1'767'225'607), at_s(1'767'225'607 + range_s), points, Duration{0});
      EXPECT_LE(grid.steps, points) << range_s;
      EXPECT_EQ(grid.start_s % grid.step_s, 0);
      EXPECT_TRUE(grid.step_of(at_s(1'767'225'607)));
      EXPECT_TRUE(grid.step_of(at_s(1'767'225'607 + range_s - 1)));
      EXPECT_FALSE(grid.step_of(at_s(grid.start_s - 1)));
      EXPECT_FALSE(grid.step_of(at_s(grid.start_s + grid.step_s * static_cast<std::int64_t>(grid.steps))));
    }
  }
}

TEST(SeriesGrid, IsNoFinerThanTheWindows) {
  EXPECT_EQ(grid_of(at_s(0), at_s(600), 300, Duration{60'000}).step_s, 60);
  EXPECT_EQ(grid_of(at_s(0), at_s(600), 300, Duration{5'020}).step_s, 10);
}

TEST(SeriesFold, MergesHistogramsInsteadOfAveragingPercentiles) {
  SeriesFold fold(grid_of(at_s(0), at_s(120), 3, Duration{60'000}));
  auto slow = window_at(30, 30, 100);
  slow.latency = {};
  slow.latency.add(100, 4);
  slow.count = 4;
  fold.add(slow);
  fold.add(window_at(0, 30, 10, "0.9"));
  const auto points = fold.points();
  ASSERT_EQ(points.size(), 2u);
  EXPECT_NEAR(*points[0].p50, 10, 0.1);
  EXPECT_NEAR(*points[0].p95, 10, 0.1) << "4 of 104 are slow";
  EXPECT_NEAR(*points[0].p99, 100, 1);
  EXPECT_NEAR(*points[0].throughput_hz, 104.0 / 60, 1e-9);
  EXPECT_NEAR(*points[0].error_rate, 10.0 / 104, 1e-9);
  EXPECT_NEAR(*points[0].accuracy, 0.95, 1e-9);
  EXPECT_EQ(points[0].version, "1.0") << "of the newest window";
  EXPECT_FALSE(points[1].present);
  EXPECT_FALSE(points[1].p50);
  EXPECT_FALSE(points[1].labelled);
}

TEST(SeriesFold, TellsLabelsThatCameLaterAndWhatIsEstimatedApart) {
  SeriesFold fold(grid_of(at_s(0), at_s(60), 2, Duration{60'000}));
  auto window = window_at(0, 30, 10);
  window.labelled = 10;
  window.correct = 9;
  for (int i = 0; i < 10; ++i) {
    window.numbers[std::string(wire::labels_later)].add(i < 5 ? 1 : 0);
    window.numbers[std::string(wire::labels_delay_s)].add(3600);
    window.numbers[std::string(wire::estimated_accuracy)].add(0.75);
  }
  fold.add(window);
  const auto point = fold.points().front();
  EXPECT_NEAR(*point.accuracy, 14.0 / 20, 1e-9) << "each label once";
  EXPECT_NEAR(point.accuracy_bounds->lower, wilson_bounds(14, 20, 1.96).lower, 1e-9);
  EXPECT_EQ(point.labelled, 20u);
  EXPECT_EQ(point.labelled_later, 10u);
  EXPECT_NEAR(*point.label_delay_s, 3600, 1e-9);
  EXPECT_NEAR(*point.estimated_accuracy, 0.75, 1e-9);
  EXPECT_LT(point.estimated_accuracy_bounds->lower, 0.75);
  EXPECT_TRUE(point.numbers.empty()) << "which are a program's";
}

TEST(SeriesJson, ShowsSilenceAsOnePointOfNullsAndNotTheJitterOfOneStep) {
  Series series;
  series.grid = {0, 10, 10};
  SeriesFold fold(series.grid);
  for (const std::int64_t start : {0, 10, 30, 70, 80}) fold.add(window_at(start, 10, 5));
  series.points = fold.points();
  series.health = {{0, 10}, {{"cpu_percent", {1.5, std::nullopt}}}};
  series.markers = {{at_s(12), "alert.firing", "slow"}};
  const auto document = nlohmann::json::parse(series_to_json(series));
  EXPECT_EQ(document["t"], nlohmann::json({0, 10, 30, 40, 70, 80}));
  EXPECT_TRUE(document["latency"]["p95"][3].is_null());
  EXPECT_TRUE(document["version"][3].is_null());
  EXPECT_EQ(document["version"][0], "1.0");
  EXPECT_EQ(document["labelled"][0], 20);
  EXPECT_EQ(document["step_s"], 10);
  EXPECT_EQ(document["health"]["cpu_percent"], nlohmann::json({1.5, nullptr}));
  EXPECT_EQ(document["markers"][0], nlohmann::json({{"t", 12}, {"kind", "alert.firing"}, {"label", "slow"}}));
  for (const char* column : {"throughput_hz", "error_rate", "accuracy", "labelled", "confidence", "entropy", "version"})
    EXPECT_EQ(document[column].size(), document["t"].size()) << column;
}

TEST(SeriesJson, ShowsWhatProgramsReportAsMeans) {
  Series series;
  series.grid = {0, 10, 3};
  SeriesFold fold(series.grid);
  auto first = window_at(0, 5, 5), second = window_at(5, 5, 5), third = window_at(10, 10, 5);
  first.numbers["queue"] = {1, 4, 4, 4};
  second.numbers["queue"] = {3, 0, 0, 0};
  first.confidences.add(0.5);
  first.entropy.add(0.25);
  third.entropy.add(1);
  third.entropy.add(2);
  first.tags["camera"].add("left");
  third.tags["camera"].add("left");
  third.tags["camera"].add("right");
  second.confidences.add(1);
  third.numbers["tokens"] = {2, 9, 4, 5};
  for (const auto& window : {first, second, third}) fold.add(window);
  series.points = fold.points();
  const auto document = nlohmann::json::parse(series_to_json(series));
  EXPECT_EQ(document["numbers"], nlohmann::json({{"queue", {1.0, nullptr}}, {"tokens", {nullptr, 4.5}}}));
  EXPECT_EQ(document["confidence"], nlohmann::json({0.75, nullptr}));
  EXPECT_EQ(document["entropy"], nlohmann::json({0.25, 1.5}));
  EXPECT_EQ(document["confidence_bins"], nullptr);
  series.confidences = fold.confidences();
  series.tags = fold.tags();
  const auto whole = nlohmann::json::parse(series_to_json(series));
  EXPECT_EQ(whole["confidence_bins"].size(), 20u);
  EXPECT_EQ(whole["confidence_bins"][10], 1);
  EXPECT_EQ(whole["confidence_bins"][19], 1);
  EXPECT_EQ(whole["tags"], nlohmann::json::parse(R"({"camera": {"values": {"left": 2, "right": 1}, "other": 0}})"));
}

TEST(SeriesFold, ShowsABoundedNumberOfNames) {
  SeriesFold fold({0, 10, 10});
  for (int i = 0; i < 40; ++i) {
    auto window = window_at(i, 1, 5);
    window.numbers["n" + std::to_string(i)] = {1, 1, 1, 1};
    fold.add(window);
  }
  std::size_t names = 0;
  for (const auto& point : fold.points()) names += point.numbers.size();
  EXPECT_EQ(names, series_number_limit);
}

TEST(SeriesJson, OfNothingIsEmptyColumns) {
  const auto document = nlohmann::json::parse(series_to_json({}));
  EXPECT_EQ(document["t"], nlohmann::json::array());
  EXPECT_EQ(document["health"]["t"], nlohmann::json::array());
}

}  // namespace
}  // namespace argosy::server
