#include "server/telemetry/window_figures.hpp"

#include <gtest/gtest.h>

#include "common/base/random.hpp"

namespace argosy::server {
namespace {

const Instant window_start = parse_rfc3339("2026-03-01T12:00:00Z").value();

TakenWindow full() {
  TakenWindow window{.device = "cam-1", .model = "digits", .version = "1.0", .started_at = window_start};
  window.ended_at = window_start + Duration{60'000};
  window.count = 300;
  window.errors = 2;
  window.labelled = 40;
  window.correct = 39;
  window.latency.add(10, 299);
  window.latency.add(12);
  window.features = {{"sharpness", {0, 40, 260}}, {"level", {}}};
  window.classes = {{-3, 1}, {0, 120}, {9, 179}};
  window.numbers["queue_depth"].add(4);
  window.confidences.add(0.9);
  window.entropy.add(0.25);
  window.tags["camera"].add("left");
  window.received_at = window.ended_at + Duration{250};
  window.device_started_at = window_start - Duration{7'200'000};
  return window;
}

TakenWindow again(const TakenWindow& window, ByteView bytes) {
  TakenWindow read{
      .device = window.device, .model = window.model, .version = window.version, .started_at = window.started_at};
  EXPECT_TRUE(decode_figures(bytes, read));
  return read;
}

TEST(WindowFigures, AllOfAWindowIsReadAgain) {
  const auto window = full();
  EXPECT_EQ(again(window, encode_figures(window)), window);
}

TEST(WindowFigures, WhatAWindowLacksTakesNoRoom) {
  TakenWindow window{.device = "cam-1", .model = "digits", .version = "1.0", .started_at = window_start};
  window.ended_at = window.received_at = window_start;
  EXPECT_EQ(to_hex(encode_figures(window)), "0100000000000000");
  EXPECT_EQ(again(window, encode_figures(window)), window);
}

TEST(WindowFigures, KeepsItsGoldenBytes) {
  auto window = full();
  window.numbers.clear();
  window.confidences = {};
  window.entropy = {};
  window.tags.clear();
  EXPECT_EQ(to_hex(encode_figures(window)),
            "01e0d403ac02022827f40327"    // a minute, 300, 2, 40, 39, 250 ms later, parts
            "0b020002e80100ab02070001"    // latency: 116 x 299, 125 x 1
            "020973686172706e6573730300"  // features
            "288402056c6576656c00"
            "030501027808b301"  // classes
            "fff3ee06");        // two hours earlier by its own clock
}

TEST(WindowFigures, KeepsTheGoldenBytesOfEntropyAndTags) {
  TakenWindow window{.device = "cam-1", .model = "digits", .version = "1.0", .started_at = window_start};
  window.ended_at = window.received_at = window_start;
  window.count = 3;
  window.entropy.add(0.5);
  window.entropy.add(1.5);
  window.tags["camera"].add("left", 2);
  window.tags["camera"].other = 1;
  EXPECT_EQ(to_hex(encode_figures(window)),
            "01000300000000c001"                      // three inferences, and the parts
            "118402fa40000000fa3f000000fa3fc00000"    // [2, 2.0, 0.5, 1.5]
            "11a16663616d65726182a1646c6566740201");  // {"camera": [{"left": 2}, 1]}
  EXPECT_EQ(again(window, encode_figures(window)), window);
}

TEST(WindowFigures, MostOfAWindowIsSmall) {
  Rng rng(1);
  TakenWindow window{.device = "cam-1", .model = "digits", .version = "1.0", .started_at = window_start};
  window.ended_at = window_start + Duration{60'000};
  window.received_at = window.ended_at + Duration{40};
  window.count = 300;
  for (int i = 0; i < 300; ++i) window.latency.add(12 * std::exp(0.25 * rng.normal()));
  for (const char* name : {"brightness", "sharpness", "contrast", "motion"}) {
    wire::FeatureCounts feature{name, std::vector<std::uint64_t>(23)};
    for (int i = 0; i < 300; ++i) ++feature.counts[1 + rng.below(20)];
    window.features.push_back(std::move(feature));
  }
  for (int label = 0; label < 10; ++label) window.classes[label] = 25 + rng.below(10);
  EXPECT_LT(encode_figures(window).size(), 290u);
}

TEST(WindowFigures, EveryMutationIsRefusedOrIsAWindow) {
  Rng rng(7);
  const auto good = encode_figures(full());
  for (int i = 0; i < 40000; ++i) {
    auto bytes = good;
    for (auto flips = 1 + rng.below(4); flips > 0; --flips)
      bytes[rng.below(bytes.size())] = static_cast<std::uint8_t>(rng.below(256));
    bytes.resize(rng.chance(0.2) ? rng.below(bytes.size()) : bytes.size());
    TakenWindow window{.device = "cam-1", .model = "digits", .version = "1.0", .started_at = window_start};
    const auto decoded = decode_figures(bytes, window);
    if (decoded) {
      EXPECT_EQ(again(window, encode_figures(window)), window);
    } else {
      ASSERT_EQ(decoded.error().code, Errc::corrupt);
    }
  }
}

}  // namespace
}  // namespace argosy::server
