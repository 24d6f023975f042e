#include "server/telemetry/stored/packed_windows.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "common/base/random.hpp"

namespace argosy::server {
namespace {

const Instant packed_hour = parse_rfc3339("2026-03-01T12:00:00Z").value();

// An hour of a device that sends every 30 s, as `scripts/bench ingest` makes them.
std::vector<PackedWindow> hour_of_a_device(Rng& rng, std::size_t count = 120) {
  std::vector<PackedWindow> windows;
  for (std::size_t i = 0; i < count; ++i) {
    PackedWindow packed{.seq = 4000 + i, .link = rng(), .window = {}};
    TakenWindow& window = packed.window;
    window.started_at =
        packed_hour + Duration{30'000 * static_cast<std::int64_t>(i) + static_cast<std::int64_t>(rng.below(4))};
    window.ended_at = window.started_at + Duration{30'000};
    window.received_at = window.ended_at + Duration{20 + static_cast<std::int64_t>(rng.below(60))};
    window.count = 300;
    for (int n = 0; n < 300; ++n) window.latency.add(12 * std::exp(0.25 * rng.normal()));
    for (const char* name : {"brightness", "sharpness", "contrast", "motion"}) {
      wire::FeatureCounts feature{name, std::vector<std::uint64_t>(23)};
      for (int n = 0; n < 300; ++n) ++feature.counts[1 + rng.below(20)];
      window.features.push_back(std::move(feature));
    }
    for (int n = 0; n < 300; ++n) ++window.classes[static_cast<int>(rng.below(10))];
    windows.push_back(std::move(packed));
  }
  return windows;
}

// Whatever a device may send, as odd as it may be.
PackedWindow odd_window(Rng& rng) {
  PackedWindow packed{.seq = 1 + rng.below(1U << 30), .link = {}, .window = {}};
  if (rng.below(2) == 0) packed.link = rng();
  TakenWindow& window = packed.window;
  window.started_at = packed_hour + Duration{static_cast<std::int64_t>(rng.below(3'600'000))};
  window.ended_at = window.started_at + Duration{static_cast<std::int64_t>(rng.below(86'400'000))};
  window.received_at = window.ended_at - Duration{static_cast<std::int64_t>(rng.below(100'000))};
  window.count = rng.below(10'000'000'000);
  window.errors = rng.below(3);
  window.labelled = rng.below(300);
  window.correct = rng.below(200);
  if (rng.below(2) == 0) window.latency.add(0.5 + static_cast<double>(rng.below(900)), 1 + rng.below(1000));
  for (std::uint64_t n = rng.below(4); n > 0; --n)
    window.features.push_back(
        {"f" + std::to_string(rng.below(3)), std::vector<std::uint64_t>(rng.below(5), rng.below(300))});
  for (std::uint64_t n = rng.below(4); n > 0; --n) window.classes[static_cast<int>(rng())] = rng.below(3);
  if (rng.below(3) == 0) window.numbers["queue_depth"].add(static_cast<double>(rng.below(9)));
  if (rng.below(3) == 0) window.confidences.add(0.9);
  if (rng.below(3) == 0) window.entropy.add(0.5);
  if (rng.below(3) == 0) window.tags["camera"].add("left");
  if (rng.below(3) == 0)
    window.device_started_at = window.started_at - Duration{static_cast<std::int64_t>(rng.below(9'000'000))};
  return packed;
}

TEST(PackedWindows, OfAnHourAreReadAgainEachOfThem) {
  Rng rng(1);
  const auto windows = hour_of_a_device(rng);
  EXPECT_EQ(unpack_windows(pack_windows(windows)).value(), windows);
}

TEST(PackedWindows, OfAnyKindAreReadAgainEachOfThem) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Rng rng(seed);
    std::vector<PackedWindow> windows;
    for (std::uint64_t n = rng.below(12); n > 0; --n) windows.push_back(odd_window(rng));
    const auto read = unpack_windows(pack_windows(windows));
    ASSERT_TRUE(read) << "seed " << seed << ": " << read.error().message;
    ASSERT_EQ(*read, windows) << "seed " << seed;
  }
}

TEST(PackedWindows, AnHourOfThemTakesAThirdOfTheirRoom) {
  Rng rng(2);
  const auto windows = hour_of_a_device(rng);
  EXPECT_LT(static_cast<double>(pack_windows(windows).size()) / static_cast<double>(windows.size()), 125.0);
}

TEST(PackedWindows, PartsThatNobodyAskedForStayEmpty) {
  Rng rng(3);
  auto windows = hour_of_a_device(rng, 3);
  windows[1].window.numbers["queue_depth"].add(4);
  const auto read = unpack_windows(pack_windows(windows), part_latency).value();
  EXPECT_EQ(read[1].window.latency, windows[1].window.latency);
  EXPECT_EQ(read[1].window.count, 300u);
  EXPECT_TRUE(read[1].window.features.empty());
  EXPECT_TRUE(read[1].window.classes.empty());
  EXPECT_TRUE(read[1].window.numbers.empty());
}

// Other versions of zstd may write other frames, and all read these.
TEST(PackedWindows, OfOldAreRead) {
  std::vector<PackedWindow> windows;
  for (std::uint64_t i = 0; i < 2; ++i) {
    PackedWindow packed{.seq = 7 + i, .link = 0x0102030405060708, .window = {}};
    TakenWindow& window = packed.window;
    window.started_at = packed_hour + i * Duration{60'000};
    window.ended_at = window.started_at + Duration{60'000};
    window.received_at = window.ended_at + Duration{250};
    window.count = 300;
    window.latency.add(10, 300);
    window.features = {{"level", {1, 299}}};
    window.classes = {{-1, 100}, {4, 200}};
    window.confidences.add(0.9);
    windows.push_back(std::move(packed));
  }
  const auto golden =
      from_hex(
          "01022d28b52ffd20242101000e0280a8a8949567bffea0949567e0d403e0d403f403f403ac02ac020000000000001f1f1008"
          "0706050403020108070605040302012428b52ffd2052dd000078280100101f82fb3feccccd94000100040098823098019811"
          "c0101b28b52ffd201291000008020001e80100ac0208020001e80100ac021a28b52ffd20118900000101056c6576656c0200"
          "000101ab02ab021528b52ffd200c6100000102010400006464c801c801")
          .value();
  const auto read = unpack_windows(golden);
  ASSERT_TRUE(read) << to_hex(pack_windows(windows));
  EXPECT_EQ(*read, windows);
}

TEST(PackedWindows, EveryMutationIsRefusedOrIsWindows) {
  Rng rng(7);
  std::vector<PackedWindow> windows{odd_window(rng), odd_window(rng), odd_window(rng)};
  const auto good = pack_windows(windows);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    Bytes bad = good;
    for (std::uint64_t n = 1 + rng.below(3); n > 0; --n) bad[rng.below(bad.size())] = static_cast<std::uint8_t>(rng());
    if (rng.below(4) == 0) bad.resize(rng.below(bad.size()));
    refused += unpack_windows(bad) ? 0 : 1;
  }
  EXPECT_GT(refused, 1000);
}

TEST(PackedWindows, AnUnknownFormatIsRefusedWithAReason) {
  const auto read = unpack_windows(Bytes{9, 0});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::corrupt);
  EXPECT_NE(read.error().message.find("format"), std::string::npos);
}

}  // namespace
}  // namespace argosy::server
