#include <algorithm>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/telemetry/query/csv.hpp"
#include "server/telemetry/query/field_accuracy.hpp"
#include "server/telemetry/query/grouped_series.hpp"
#include "server/telemetry/query/slices.hpp"

namespace argosy::server {
namespace {

const Metric p95 = parse_metric("latency_p95").value();

struct Told {
  std::string device = "cam-1";
  std::int64_t start_s = 0;
  double latency_ms = 10;
  std::uint64_t count = 100;
  std::uint64_t errors = 0;
  std::string version = "1.0";
};

TakenWindow told_window(const Told& told) {
  TakenWindow window;
  window.device = told.device;
  window.model = "digits";
  window.version = told.version;
  window.started_at = instant_from_ms(told.start_s * 1000);
  window.ended_at = window.started_at + Duration{60'000};
  window.count = told.count;
  window.errors = told.errors;
  window.latency.add(told.latency_ms, told.count);
  return window;
}

const SeriesGrid two_minutes{0, 60, 2};

std::vector<MeasuredDevice> measured(const Metric& metric, const std::vector<Told>& windows, bool by_version = false,
                                     const SeriesGrid& grid = two_minutes) {
  DeviceFold fold(metric, grid, by_version);
  for (const Told& told : windows) fold.add(told_window(told));
  return fold.take();
}

GroupLines one_group(const Metric& metric, const std::vector<Told>& windows) {
  GroupFold fold(metric, two_minutes.steps, 8);
  for (const auto& device : measured(metric, windows)) fold.add("", device);
  return fold.lines();
}

TEST(Measured, AccuracyIsOfAllLabelsAndHasAnInterval) {
  auto window = told_window({});
  window.labelled = 80;
  window.correct = 76;
  for (int i = 0; i < 20; ++i) {
    window.numbers[std::string(wire::labels_later)].add(i < 14 ? 1 : 0);
    window.numbers[std::string(wire::estimated_accuracy)].add(0.8);
  }
  const auto metric_of = [&](const char* name) {
    const auto metric = parse_metric(name).value();
    Measured measured;
    measured.add(metric, TakenWindow(window));
    return std::pair(measured.value(metric), measured.bounds(metric));
  };
  const auto [accuracy, bounds] = metric_of("accuracy");
  EXPECT_NEAR(*accuracy, 0.9, 1e-9);
  EXPECT_NEAR(bounds->upper, wilson_bounds(90, 100, 1.96).upper, 1e-9);
  const auto [estimated, estimated_bounds] = metric_of("estimated_accuracy");
  EXPECT_NEAR(*estimated, 0.8, 1e-9);
  EXPECT_LT(estimated_bounds->lower, 0.8);
  EXPECT_FALSE(metric_of("error_rate").second);
  EXPECT_EQ(worse_of(parse_metric("estimated_accuracy").value()), Worse::lower);
}

TEST(MetricName, IsReadAndWrittenAlike) {
  for (const char* name : {"latency_p50", "latency_p95", "latency_p99", "throughput", "error_rate", "accuracy",
                           "estimated_accuracy", "confidence", "numbers.queue_depth", "health.cpu_percent"})
    EXPECT_EQ(to_text(parse_metric(name).value()), name);
  for (const char* name : {"", "latency", "latency_p90", "numbers.", "numbers.Queue", "health.mood", "numbers.a b"})
    EXPECT_EQ(parse_metric(name).error().code, Errc::invalid_argument) << name;
  EXPECT_EQ(unit_of(parse_metric("health.cpu_temperature_c").value()), "°C");
  EXPECT_EQ(unit_of(parse_metric("numbers.queue_depth").value()), "");
}

TEST(GroupingName, IsReadAndWrittenAlike) {
  for (const char* name : {"", "device", "version", "hardware_class", "labels.site"})
    EXPECT_EQ(to_text(parse_grouping(name).value()), name);
  for (const char* name : {"site", "labels.", "model"})
    EXPECT_EQ(parse_grouping(name).error().code, Errc::invalid_argument) << name;
}

TEST(GroupFold, TakesPercentilesFromMergedHistogramsAndTheBandFromDevices) {
  const auto lines = one_group(p95, {{"cam-1", 0, 10, 980}, {"cam-2", 0, 100, 20}});
  ASSERT_EQ(lines.groups.size(), 1u);
  const GroupPoint& point = lines.groups[0].points[0];
  EXPECT_NEAR(*point.value, 10, 0.1) << "2 % are slow: the average of both p95 would be 55";
  EXPECT_NEAR(*point.p99, 100, 1);
  EXPECT_NEAR(*point.least, 10, 0.1);
  EXPECT_NEAR(*point.most, 100, 1);
  EXPECT_EQ(point.devices, 2u);
  EXPECT_EQ(point.n, 1000u);
  EXPECT_FALSE(lines.groups[0].points[1].value);
}

TEST(GroupFold, TakesTheBandFromDevicesAndNotFromTheirWindows) {
  // One device whose two windows of a step are far apart has one value there.
  const auto lines =
      one_group(parse_metric("error_rate").value(), {{"cam-1", 0, 5, 100, 0}, {"cam-1", 30, 5, 100, 50}});
  const GroupPoint& point = lines.groups[0].points[0];
  EXPECT_DOUBLE_EQ(*point.value, 0.25);
  EXPECT_DOUBLE_EQ(*point.least, 0.25);
  EXPECT_DOUBLE_EQ(*point.most, 0.25);
}

TEST(GroupFold, AddsUpThroughputOverDevices) {
  const auto lines = one_group(parse_metric("throughput").value(), {{"cam-1", 0, 5, 60}, {"cam-2", 0, 5, 120}});
  const GroupPoint& point = lines.groups[0].points[0];
  EXPECT_DOUBLE_EQ(*point.value, 3);
  EXPECT_DOUBLE_EQ(*point.least, 1);
  EXPECT_DOUBLE_EQ(*point.most, 2);
}

TEST(GroupFold, KeepsTheLargestGroupsAndAddsUpTheOthers) {
  GroupFold fold(p95, two_minutes.steps, 2);
  const std::vector<std::pair<std::string, std::uint64_t>> sites{
      {"aarhus", 10}, {"berlin", 500}, {"cork", 20}, {"delft", 300}};
  for (const auto& [site, count] : sites)
    for (const auto& device : measured(p95, {{site + "-1", 0, 10, count}})) fold.add(site, device);
  const auto lines = fold.lines();
  ASSERT_EQ(lines.groups.size(), 2u);
  EXPECT_EQ(lines.groups[0].name, "berlin");
  EXPECT_EQ(lines.groups[1].name, "delft");
  ASSERT_TRUE(lines.other);
  EXPECT_EQ(lines.others, 2u);
  EXPECT_EQ(lines.other->n, 30u);
  EXPECT_EQ(lines.other->devices, 2u);
  EXPECT_NEAR(*lines.other->points[0].value, 10, 0.1);
}

TEST(GroupFold, TellsVersionsApartWhereverTheyCome) {
  GroupFold fold(p95, two_minutes.steps, 8);
  for (const auto& device : measured(
           p95, {{"cam-1", 0, 10, 100, 0, "1.0"}, {"cam-1", 60, 30, 100, 0, "1.1"}, {"cam-2", 0, 10, 300, 0, "1.0"}},
           true))
    EXPECT_TRUE(fold.add_mixed(device.version, device));
  const auto lines = fold.lines();
  ASSERT_EQ(lines.groups.size(), 2u);
  EXPECT_EQ(lines.groups[0].name, "1.0");
  EXPECT_EQ(lines.groups[0].devices, 2u);
  EXPECT_FALSE(lines.groups[1].points[0].value);
  EXPECT_NEAR(*lines.groups[1].points[1].value, 30, 0.3);
}

TEST(GroupFold, RefusesMoreVersionsThanItHolds) {
  GroupFold fold(p95, two_minutes.steps, 8);
  const auto device = measured(p95, {{}}).front();
  for (std::size_t version = 0; version < versions_limit; ++version)
    EXPECT_TRUE(fold.add_mixed(std::to_string(version), device));
  EXPECT_FALSE(fold.add_mixed("one more", device));
  EXPECT_TRUE(fold.add_mixed("0", device));
}

TEST(Ranking, OrdersTheWorstFirstAndLeavesOutWhoMeasuredTooLittle) {
  const SeriesGrid whole{0, 3600, 1};
  Ranking ranking(p95, Worse::higher, 2, 20);
  for (const auto& device :
       measured(p95, {{"cam-1", 0, 10}, {"cam-2", 0, 40}, {"cam-3", 0, 900, 3}, {"cam-4", 0, 20}, {"cam-5", 0, 40}},
                false, whole))
    ranking.add(device);
  ASSERT_EQ(ranking.devices().size(), 2u);
  EXPECT_EQ(ranking.devices()[0].device, "cam-2") << "of equals the first by name";
  EXPECT_EQ(ranking.devices()[1].device, "cam-5");
  EXPECT_EQ(ranking.devices()[0].n, 100u);
  EXPECT_EQ(ranking.measured(), 5u);
  EXPECT_EQ(ranking.with_too_few(), 1u);
}

TEST(Ranking, OfWhatIsWorseWhenLowerBeginsWithTheLowest) {
  const auto throughput = parse_metric("throughput").value();
  Ranking ranking(throughput, worse_of(throughput), 1, 1);
  for (const auto& device : measured(throughput, {{"cam-1", 0, 10, 600}, {"cam-2", 0, 10, 6}}, false, {0, 3600, 1}))
    ranking.add(device);
  EXPECT_EQ(ranking.devices().at(0).device, "cam-2");
}

TEST(FieldAccuracy, KeepsSoManyVersionsAndNoMore) {
  const auto device_of = [](const std::string& version, double labels) {
    Measured measured;
    measured.n = static_cast<std::uint64_t>(labels);
    measured.sum = measured.weight = labels;
    return MeasuredDevice{"cam-1", version, {measured}};
  };
  FieldAccuracy accuracy;
  EXPECT_TRUE(accuracy.add(device_of("silent", 0)));
  for (std::size_t i = 0; i < versions_limit; ++i) EXPECT_TRUE(accuracy.add(device_of("1." + std::to_string(i), 5)));
  EXPECT_TRUE(accuracy.add(device_of("1.0", 5)));
  EXPECT_FALSE(accuracy.add(device_of("2.0", 5)));
  EXPECT_EQ(accuracy.versions().size(), versions_limit) << "who measured nothing takes no place";
  EXPECT_EQ(accuracy.versions().at("1.0").devices, 2u);
  EXPECT_EQ(accuracy.versions().at("1.0").sum.n, 10u);
}

TEST(Slices, AreOfBoundedCellsAndRows) {
  EXPECT_EQ(devices_in_slice(1, 10), slice_devices);
  EXPECT_EQ(devices_in_slice(400, 10), 25u);
  EXPECT_EQ(devices_in_slice(1, 5'000), 10u);
  EXPECT_EQ(devices_in_slice(2000, 10'000'000), 1u);
}

TEST(Slices, ReadSumsOfAFleetThatIsTooLargeForItsWindows) {
  using namespace std::chrono_literals;
  EXPECT_EQ(unit_to_read(12, 24h, 1min), 0s);
  EXPECT_EQ(unit_to_read(1000, 24h, 30s), 1h) << "2,881,000 windows";
  EXPECT_EQ(unit_to_read(1000, 24h, 1h), 0s);
  EXPECT_EQ(unit_to_read(10'000, 30 * 24h, 1min), 24h) << "7,210,000 hours";
  EXPECT_EQ(unit_to_read(100'000, 400 * 24h, 24h), 24h) << "too much in any case";
  EXPECT_EQ(unit_to_read(0, 24h, 1s), 0s);
}

TEST(SliceTaker, TakesSlicesInTheirOrder) {
  std::vector<std::string> taken;
  SliceTaker taker([&](std::vector<MeasuredDevice>&& devices) { taken.push_back(devices.front().device); });
  const auto slice_of = [](const char* device) {
    std::vector<MeasuredDevice> devices;
    devices.push_back({device, {}, {}});
    return devices;
  };
  taker.take(1, slice_of("cam-2"));
  taker.take(1, slice_of("cam-2"));
  EXPECT_TRUE(taken.empty());
  taker.take(0, slice_of("cam-1"));
  taker.take(2, slice_of("cam-3"));
  EXPECT_EQ(taken, (std::vector<std::string>{"cam-1", "cam-2", "cam-3"}));
}

TEST(SliceTaker, TakesASliceOnceThoughItComesTwice) {
  std::size_t taken = 0;
  SliceTaker taker([&](std::vector<MeasuredDevice>&& devices) { taken += devices.size(); });
  taker.take(0, measured(p95, {{}}));
  taker.take(0, measured(p95, {{}}));
  taker.take(1, measured(p95, {{}}));
  EXPECT_EQ(taken, 2u);
}

TEST(Csv, QuotesWhatNeedsIt) {
  CsvWriter out;
  out.text("plain")
      .text("a,b")
      .text("say \"hi\"")
      .text("two\r\nlines")
      .text("")
      .count(7)
      .number(0.1)
      .number(std::nullopt);
  out.end_row();
  out.text("next").end_row();
  EXPECT_EQ(out.take(), "plain,\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\",,7,0.1,\r\nnext\r\n");
  EXPECT_EQ(out.size(), 0u);
}

TEST(Csv, HasNothingThatASpreadsheetWouldCalculate) {
  CsvWriter out;
  out.text("=HYPERLINK(\"http://example.org\")").text("+1").text("-cam").text("@a,b").text("'quoted").text("a=b");
  out.number(-0.5).end_row();
  EXPECT_EQ(out.take(), "\"'=HYPERLINK(\"\"http://example.org\"\")\",'+1,'-cam,\"'@a,b\",''quoted,a=b,-0.5\r\n");
}

TEST(Csv, OfAWindowHasAFieldForEachOfItsHead) {
  auto window = told_window({});
  window.numbers["queue"].add(3);
  window.numbers["watts"].add(1.5);
  CsvWriter out;
  append_window(out, window);
  const auto row = out.take();
  EXPECT_TRUE(row.starts_with("cam-1,digits,1.0,1970-01-01T00:00:00.000Z,1970-01-01T00:01:00.000Z,100,0,0,0,")) << row;
  EXPECT_TRUE(row.ends_with(",,\"{\"\"queue\"\":3.0,\"\"watts\"\":1.5}\"\r\n")) << row;
  const auto head = window_csv_head();
  EXPECT_EQ(std::count(head.begin(), head.end(), ','), 13);
}

TEST(GroupedSeriesDocument, HasAColumnForEachStepAndARowForEachThatWasMeasured) {
  GroupedSeries series{p95, parse_grouping("labels.site").value(), two_minutes, {}, 3, 2};
  GroupFold fold(p95, two_minutes.steps, 1);
  for (const auto& device : measured(p95, {{"cam-1", 0, 10, 100}})) fold.add("berlin, west", device);
  for (const auto& device : measured(p95, {{"cam-2", 60, 20, 50}})) fold.add("oslo", device);
  series.lines = fold.lines();
  const auto document = nlohmann::json::parse(grouped_series_to_json(series));
  EXPECT_EQ(document["metric"], "latency_p95");
  EXPECT_EQ(document["unit"], "ms");
  EXPECT_EQ(document["by"], "labels.site");
  EXPECT_EQ(document["t"], nlohmann::json({0, 60}));
  EXPECT_EQ(document["devices"], 3);
  EXPECT_EQ(document["groups"][0]["group"], "berlin, west");
  EXPECT_TRUE(document["groups"][0]["value"][1].is_null());
  EXPECT_EQ(document["groups"][0]["samples"], nlohmann::json({100, 0}));
  EXPECT_EQ(document["groups"][0]["reporting"], nlohmann::json({1, 0}));
  EXPECT_EQ(document["other"]["groups"], 1);
  EXPECT_NEAR(document["other"]["p50"][1].get<double>(), 20, 0.2);
  const auto csv = grouped_series_to_csv(series);
  EXPECT_TRUE(
      csv.starts_with("time,group,metric,value,min,max,samples,devices,p50,p95,p99\r\n"
                      "1970-01-01T00:00:00.000Z,\"berlin, west\",latency_p95,"))
      << csv;
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3);
}

}  // namespace
}  // namespace argosy::server
