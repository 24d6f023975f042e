#include "server/telemetry/stored/rollup.hpp"

#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "server/telemetry/window_figures.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

const Instant rolled_noon = parse_rfc3339("2026-03-01T12:00:00Z").value();

TakenWindow minute(Instant at, std::uint64_t count = 60) {
  TakenWindow window{.device = "cam-1", .model = "digits", .version = "1.0", .started_at = at};
  window.ended_at = at + 60s;
  window.received_at = window.ended_at + 100ms;
  window.count = count;
  window.errors = 1;
  window.labelled = 10;
  window.correct = 9;
  window.latency.add(10, count);
  window.features = {{"sharpness", {1, 2, 3}}};
  window.classes = {{0, 40}, {7, count - 40}};
  window.numbers["queue_depth"].add(4);
  window.confidences.add(0.9);
  window.entropy.add(0.25);
  window.tags["camera"].add("left", count);
  return window;
}

TEST(Rollup, AddsUpAnHour) {
  Rollups rollups(1h);
  for (int i = 0; i < 60; ++i) rollups.add(minute(rolled_noon + i * 1min));
  const auto hours = rollups.take();
  ASSERT_EQ(hours.size(), 1u);
  const auto& [sum, windows] = hours.front();
  EXPECT_EQ(windows, 60u);
  EXPECT_EQ(sum.started_at, rolled_noon);
  EXPECT_EQ(sum.ended_at, rolled_noon + 1h);
  EXPECT_EQ(sum.count, 3600u);
  EXPECT_EQ(sum.entropy, (wire::NumberSummary{60, 15, 0.25, 0.25}));
  EXPECT_EQ(sum.tags.at("camera").values.at("left"), 3600u);
  EXPECT_EQ(sum.errors, 60u);
  EXPECT_EQ(sum.labelled, 600u);
  EXPECT_EQ(sum.correct, 540u);
  EXPECT_EQ(sum.latency.count(), 3600u);
  EXPECT_EQ(sum.features, (std::vector<wire::FeatureCounts>{{"sharpness", {60, 120, 180}}}));
  EXPECT_EQ(sum.classes, (wire::Classes{{0, 2400}, {7, 1200}}));
  EXPECT_EQ(sum.numbers.at("queue_depth").count, 60u);
  EXPECT_EQ(sum.confidences.count(), 60u);
  EXPECT_TRUE(rollups.take().empty());
}

TEST(Rollup, KeepsHoursAndVersionsApart) {
  Rollups rollups(1h);
  auto other = minute(rolled_noon + 59min);
  other.version = "2.0";
  rollups.add(minute(rolled_noon + 60min));
  rollups.add(minute(rolled_noon - 1ms));
  rollups.add(other);
  rollups.add(minute(rolled_noon));
  std::vector<std::pair<Instant, std::string>> found;
  for (const auto& [sum, windows] : rollups.take()) found.emplace_back(sum.started_at, sum.version);
  EXPECT_EQ(found,
            (std::vector<std::pair<Instant, std::string>>{
                {rolled_noon - 1h, "1.0"}, {rolled_noon, "1.0"}, {rolled_noon + 1h, "1.0"}, {rolled_noon, "2.0"}}));
}

TEST(Rollup, OfRollupsIsThatOfTheirWindows) {
  Rng rng(11);
  Rollups at_once(24h), hours(1h), from_hours(24h);
  for (int i = 0; i < 2000; ++i) {
    const auto window =
        minute(rolled_noon + Duration{static_cast<std::int64_t>(rng.below(200'000'000))}, 41 + rng.below(900));
    at_once.add(window);
    hours.add(window);
  }
  for (const auto& [sum, windows] : hours.take()) from_hours.add(sum, windows);
  const auto expected = at_once.take();
  const auto days = from_hours.take();
  ASSERT_EQ(days.size(), expected.size());
  for (std::size_t i = 0; i < days.size(); ++i) {
    EXPECT_EQ(days[i].windows, expected[i].windows);
    EXPECT_EQ(days[i].sum.latency, expected[i].sum.latency);
    EXPECT_EQ(days[i].sum.ended_at, expected[i].sum.ended_at);
    EXPECT_EQ(days[i].sum.classes, expected[i].sum.classes);
    EXPECT_EQ(days[i].sum.features, expected[i].sum.features);
    EXPECT_EQ(days[i].sum.count, expected[i].sum.count);
  }
}

TEST(Rollup, LeavesOutAFeatureWhoseBinsAreOthers) {
  auto sum = minute(rolled_noon);
  auto other = minute(rolled_noon + 1min);
  other.features = {{"sharpness", {9, 9}}, {"level", {4}}};
  merge_into(sum, other);
  EXPECT_EQ(sum.features, (std::vector<wire::FeatureCounts>{{"sharpness", {1, 2, 3}}, {"level", {4}}}));
}

// Whatever a device makes up, its rollup is stored and read again.
TEST(Rollup, HasBoundsThatItsCodecTakes) {
  TakenWindow sum{.started_at = rolled_noon};
  sum.ended_at = rolled_noon;
  int label = 0;
  for (int i = 0; i < 600; ++i) {
    TakenWindow window{.started_at = rolled_noon};
    window.ended_at = rolled_noon + 1min;
    window.received_at = window.ended_at;
    window.count = 1000;
    for (int n = 0; n < 64; ++n) window.classes[label++ * 1000] = 1;
    window.numbers["n" + std::to_string(i)].add(1);
    if (i > 20) window.numbers[std::string(wire::labels_later)].add(1);
    window.features = {{"f" + std::to_string(i), std::vector<std::uint64_t>(66, 3)}};
    merge_into(sum, window);
  }
  EXPECT_EQ(sum.classes.size(), rolled_classes_limit);
  EXPECT_EQ(sum.numbers.size(), wire::most_numbers + 1);
  EXPECT_EQ(sum.numbers.at(std::string(wire::labels_later)).count, 579u) << "the agent's own have their room";
  EXPECT_EQ(sum.features.size(), rolled_features_limit);
  TakenWindow read{.started_at = rolled_noon};
  ASSERT_TRUE(decode_figures(encode_figures(sum), read));
  EXPECT_EQ(read, sum);
}

}  // namespace
}  // namespace argosy::server
