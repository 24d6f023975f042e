#include "server/rollouts/guards/panel.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const Instant opened = instant_from_ms(1'800'000'000'000);  // the wave opens
const PanelWave second_wave{.wave = 1, .opened_at = opened, .version = "1.1", .warm_up = seconds(60)};

TakenWindow window_at(Instant at, double latency_ms = 10, std::uint64_t count = 100) {
  TakenWindow window{
      .started_at = at, .ended_at = at + minutes(1), .count = count, .labelled = count, .correct = count};
  window.latency.add(latency_ms, count);
  return window;
}

PanelMember member_with_past() {
  PanelMember member{.device = "cam-1", .old_version = "1.0"};
  add(member.before, window_at(opened - minutes(10)));
  return member;
}

TEST(GuardPanel, WindowsGoToTheSideThatTheirReleaseAndTimeSay) {
  auto member = member_with_past();
  EXPECT_TRUE(take(member, second_wave, "1.0", window_at(opened + minutes(1))));
  EXPECT_EQ(figures_in(member.waiting, 1)->windows, 1U);
  EXPECT_TRUE(take(member, second_wave, "1.1", window_at(opened + minutes(5))));
  EXPECT_EQ(member.updated_since, opened + minutes(5));
  EXPECT_EQ(figures_in(member.updated, 1), nullptr) << "it warms up";
  EXPECT_TRUE(take(member, second_wave, "1.1", window_at(opened + minutes(6))));
  EXPECT_EQ(figures_in(member.updated, 1)->windows, 1U);
}

TEST(GuardPanel, AWindowFromBeforeTheWaveOpenedSaysNothingOfIt) {
  auto member = member_with_past();
  EXPECT_FALSE(take(member, second_wave, "1.0", window_at(opened - seconds(1))));
  EXPECT_EQ(figures_in(member.waiting, 1), nullptr);
}

// It went back by itself: what it measures on the old release is not that of a device which waits.
TEST(GuardPanel, ADeviceThatWentBackWaitsNoMore) {
  auto member = member_with_past();
  take(member, second_wave, "1.1", window_at(opened + minutes(1)));
  EXPECT_FALSE(take(member, second_wave, "1.0", window_at(opened + minutes(3))));
}

TEST(GuardPanel, AnotherReleaseIsNoneOfItsSides) {
  auto member = member_with_past();
  EXPECT_FALSE(take(member, second_wave, "0.9", window_at(opened + minutes(1))));
}

TEST(GuardPanel, AWaveIsComparedOverItsOwnTime) {
  auto member = member_with_past();
  take(member, second_wave, "1.0", window_at(opened + minutes(1)));
  const PanelWave next{.wave = 2, .opened_at = opened + minutes(30), .version = "1.1"};
  EXPECT_EQ(figures_in(member.waiting, 2), nullptr);
  take(member, next, "1.0", window_at(opened + minutes(31)));
  EXPECT_EQ(figures_in(member.waiting, 2)->windows, 1U);
}

wire::HealthSample health_of(double memory_mb) {
  wire::HealthSample sample;
  sample.memory_used_mb = memory_mb;
  sample.cpu_temperature_c = 61.5;
  return sample;
}

// Four canaries and as many that wait, each measured for ten minutes; the canaries 20 % slower.
GuardPanel eight(double factor = 1.2) {
  GuardPanel panel{.classes = {"arm"}, .members = {}};
  for (int i = 0; i < 8; ++i) {
    PanelMember member = member_with_past();
    member.device = "cam-" + std::to_string(i);
    const bool canary = i < 4;
    for (int minute = 2; minute < 12; ++minute)
      take(member, second_wave, canary ? "1.1" : "1.0", window_at(opened + minutes(minute), canary ? 10 * factor : 10));
    panel.members.push_back(member);
  }
  return panel;
}

RowRules rules() {
  return {.wave = 1, .now = opened + minutes(12), .silent_after = minutes(15), .min_samples = 50};
}

TEST(GuardPanel, RowsAreOneADeviceOnTheMetricsScale) {
  const auto rows = rows_of(eight(), GuardMetric::latency_p95, rules());
  ASSERT_EQ(rows.rows.size(), 8U);
  EXPECT_EQ(rows.canaries, 4U);
  EXPECT_EQ(rows.controls, 4U);
  EXPECT_EQ(rows.unmeasured, 0U);
  EXPECT_NEAR(rows.rows[0].after - rows.rows[0].before, std::log(1.2), 0.03);
  EXPECT_NEAR(*rows.canary, 12, 0.3);
  EXPECT_NEAR(*rows.control, 10, 0.3);
  EXPECT_NEAR(*rows.before, 10, 0.3);
}

TEST(GuardPanel, ACanaryWithTooLittleIsCountedAndLeftOut) {
  auto panel = eight();
  panel.members[0].updated = {};                           // says nothing since
  panel.members[1].updated.figures.exposure = minutes(1);  // came late
  panel.members[2].before = {};                            // has no past on this release
  auto some = rules();
  some.least_exposure = minutes(5);
  const auto rows = rows_of(panel, GuardMetric::latency_p95, some);
  EXPECT_EQ(rows.canaries, 4U);
  EXPECT_EQ(rows.unmeasured, 3U);
  EXPECT_EQ(rows.rows.size(), 5U);
}

TEST(GuardPanel, FirstInstallsAreComparedWithTheirPeers) {
  auto panel = eight();
  for (int i = 0; i < 4; ++i) {
    auto& canary = panel.members[static_cast<std::size_t>(i)];
    canary.old_version.clear();
    canary.before = {};
  }
  const auto rows = rows_of(panel, GuardMetric::latency_p95, rules());
  EXPECT_EQ(rows.first_installs, 4U);
  double canaries = 0, peers = 0;
  for (const auto& row : rows.rows) {
    if (row.stratum != 1) continue;
    EXPECT_EQ(row.before, 0);
    (row.arm == Arm::canary ? canaries : peers) += row.after / 4;
  }
  EXPECT_NEAR(canaries - peers, std::log(1.2), 0.03);
}

// The trap of survivors: a release that kills devices must not look better for it.
TEST(GuardPanel, ACanaryThatNeverSpokeAgainIsSilent) {
  auto panel = eight();
  panel.members[0].updated_since.reset();
  panel.members[0].updated = {};
  panel.members[0].has_it = true;
  auto later = rules();
  later.now = opened + minutes(30);
  for (auto& member : panel.members)
    if (member.device != "cam-0") add(member.waiting.figures, window_at(opened + minutes(28)));
  const auto rows = rows_of(panel, GuardMetric::silence, later);
  EXPECT_EQ(rows.canaries, 4U);
  EXPECT_EQ(*rows.canary, 0.25);
  EXPECT_EQ(*rows.control, 0);
}

TEST(GuardPanel, ADeviceThatLeftIsInNoRow) {
  auto panel = eight();
  panel.members[0].has_left = true;
  panel.members[7].has_left = true;
  EXPECT_EQ(rows_of(panel, GuardMetric::latency_p95, rules()).rows.size(), 6U);
  EXPECT_EQ(rows_of(panel, GuardMetric::silence, rules()).rows.size(), 6U);
}

TEST(GuardPanel, ExposureIsTheMedianOfTheCanaries) {
  EXPECT_EQ(exposure_of(eight(), 1), minutes(9)) << "the first minute warms up";
  EXPECT_EQ(exposure_of(eight(), 2), minutes(0));
  EXPECT_EQ(exposure_of({}, 1), minutes(0));
}

TEST(GuardPanel, HealthIsOfTheReleaseThatServesThen) {
  auto member = member_with_past();
  take(member, second_wave, health_of(100), opened + minutes(1));
  take(member, second_wave, "1.1", window_at(opened + minutes(2)));
  take(member, second_wave, health_of(180), opened + minutes(4));
  EXPECT_EQ(figures_in(member.waiting, 1)->memory_mb.mean(), 100);
  EXPECT_EQ(figures_in(member.updated, 1)->memory_mb.mean(), 180);
}

TEST(Figures, AreReadAsTheyWereWritten) {
  Figures figures;
  add(figures, window_at(opened, 12.5));
  add(figures, health_of(512));
  const auto again = decode_figures(encode(figures));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, figures);
  EXPECT_EQ(again->last, opened + minutes(1));
  EXPECT_EQ(again->temperature_c.mean(), 61.5);
  EXPECT_FALSE(again->power_w.mean());
}

TEST(Figures, WhatIsBrokenIsRefused) {
  auto bytes = encode(Figures{});
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto cut = bytes;
    cut.resize(i);
    EXPECT_FALSE(decode_figures(cut)) << i;
  }
  EXPECT_FALSE(decode_figures(Bytes(Figures::encoded_limit + 1, 0)));
}

TEST(Figures, SumsStayNumbersWhateverADeviceSends) {
  Figures figures;
  for (int i = 0; i < 3; ++i) add(figures, TakenWindow{.started_at = opened, .ended_at = opened, .count = ~0ULL});
  EXPECT_EQ(figures.count, 1ULL << 62);
}

}  // namespace
}  // namespace argosy::server
