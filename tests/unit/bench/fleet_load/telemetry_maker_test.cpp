#include "tests/bench/fleet_load/telemetry_maker.hpp"

#include <numeric>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace argosy::fleet_load {
namespace {

// Few inferences: quick to draw.
WindowShape small() {
  WindowShape shape;
  shape.inferences = 40;
  return shape;
}

DeviceOutbox outbox_of(std::size_t records) {
  DeviceOutbox outbox(9, 100);
  for (std::size_t i = 0; i < records; ++i)
    outbox.append({.start_ms = 1'790'000'000'000 + static_cast<std::int64_t>(i) * 1000,
                   .length_ms = 1000,
                   .content = static_cast<std::uint32_t>(i * 77),
                   .is_health = i % 3 == 2 ? 1U : 0U});
  return outbox;
}

TEST(TelemetryMaker, WritesRecordsAsTheAgentDoes) {
  const TelemetryMaker maker(5, small());
  const auto outbox = outbox_of(60);
  for (std::uint64_t seq = 1; seq <= 60; ++seq) {
    Bytes written;
    maker.write_record(written, seq, outbox.entry(seq), seq % TelemetryMaker::latency_levels);
    const auto record = wire::decode_record(written);
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(record->seq, seq);
    EXPECT_EQ(wire::encode_record(*record), written);
  }
}

TEST(TelemetryMaker, AWindowIsOfTheShapeThatWasAskedFor) {
  const TelemetryMaker maker(5, {"meters", "2.1", 3, 11, 7, 120});
  Bytes written;
  maker.write_record(written, 1, {.start_ms = 1'790'000'000'000, .length_ms = 30'000, .content = 12}, 0);
  const auto window = std::get<wire::InferenceWindow>(wire::decode_record(written).value().content);
  EXPECT_EQ(window.model, "meters");
  EXPECT_EQ(window.version, "2.1");
  EXPECT_EQ(window.count, 120U);
  EXPECT_EQ(window.ended_at - window.started_at, Duration{30'000});
  EXPECT_EQ(LogHistogram::decode(window.latency).value().count(), 120U);
  EXPECT_EQ(window.classes.size(), 7U);
  ASSERT_EQ(window.features.size(), 3U);
  for (const auto& feature : window.features) {
    EXPECT_EQ(feature.counts.size(), 11U);
    EXPECT_EQ(std::accumulate(feature.counts.begin(), feature.counts.end(), std::uint64_t{0}), 120U);
  }
}

TEST(TelemetryMaker, ABatchIsReadByTheServersReader) {
  const TelemetryMaker maker(5, small());
  auto outbox = outbox_of(9);
  outbox.take(9);
  const auto batch = wire::decode_telemetry(maker.batch("cam-1", outbox, 1, 9, 3, 1'790'000'100'000)).value();
  EXPECT_EQ(batch.device, "cam-1");
  EXPECT_EQ(batch.epoch, outbox.epoch());
  EXPECT_EQ(batch.oldest, 1U);
  EXPECT_EQ(batch.records.size(), 9U);
  ASSERT_EQ(batch.chain.size(), 10U);
  EXPECT_EQ(batch.chain.back(), outbox.link(9));
  EXPECT_EQ(batch.sent_at, instant_from_ms(1'790'000'100'000));
}

TEST(TelemetryMaker, ARepeatHasTheSameRecordUnderTheSameLinks) {
  const TelemetryMaker maker(5, small());
  auto outbox = outbox_of(2);
  outbox.take(2);
  const auto first = wire::decode_telemetry(maker.batch("cam-1", outbox, 1, 2, 3, 1'790'000'100'000)).value();
  outbox.acknowledge({outbox.epoch(), 2, outbox.link(2), {}});
  const auto again = wire::decode_telemetry(
                         maker.repeated_batch("cam-1", outbox.epoch(), *outbox.newest_stored(), 3, 1'790'000'200'000))
                         .value();
  ASSERT_EQ(again.records.size(), 1U);
  EXPECT_EQ(again.records[0], first.records[1]);
  EXPECT_EQ(again.chain, (std::vector<wire::ChainLink>{first.chain[1], first.chain[2]}));
}

TEST(TelemetryMaker, TheSameSeedGivesTheSameWindows) {
  const TelemetryMaker one(5, small()), other(5, small()), another(6, small());
  Bytes a, b, c;
  const Entry entry{.start_ms = 1, .length_ms = 2, .content = 3};
  one.write_record(a, 1, entry, 4);
  other.write_record(b, 1, entry, 4);
  another.write_record(c, 1, entry, 4);
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
}

TEST(TelemetryMaker, DevicesDifferInLatency) {
  const TelemetryMaker maker(5, small());
  const auto median = [&](std::size_t level) {
    Bytes written;
    maker.write_record(written, 1, {.start_ms = 1, .length_ms = 2, .content = 3}, level);
    const auto window = std::get<wire::InferenceWindow>(wire::decode_record(written).value().content);
    return *LogHistogram::decode(window.latency).value().quantile(0.5);
  };
  EXPECT_NEAR(median(0), 2, 0.3);
  EXPECT_NEAR(median(TelemetryMaker::latency_levels - 1), 60, 9);
}

TEST(TelemetryMaker, TheReferenceFitsTheFeatures) {
  const auto reference = nlohmann::json::parse(TelemetryMaker(5, small()).reference_json());
  ASSERT_EQ(reference["features"].size(), 4U);
  EXPECT_EQ(reference["features"][0]["name"], "feature_1");
  EXPECT_EQ(reference["features"][0]["edges"].size() + 2, 23U);
  EXPECT_EQ(reference["features"][0]["counts"].size(), 23U);
}

}  // namespace
}  // namespace argosy::fleet_load
