#include "server/drift/drift.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "server/drift/fleet_drift.hpp"
#include "server/drift/judgement.hpp"

namespace argosy::server {
namespace {

PeerUsual usual(std::size_t devices, double shift, double psi, double moved = 0) {
  return {devices, {shift, 0.02}, {ln_of_psi(psi), 0.3}, moved};
}

DriftMeasures moved_by(double shift, double psi) {
  DriftMeasures measures;
  measures.shift = shift;
  measures.psi = psi;
  return measures;
}

TEST(PeerDistance, OfFewPeersItTakesMore) {
  const DriftRule rule;
  const auto measures = moved_by(6 * rule.shift_floor, 0.05);
  EXPECT_LT(peer_distance(rule, usual(60, 0, 0.05), measures)->chance, rule.false_discovery);
  EXPECT_GT(peer_distance(rule, usual(6, 0, 0.05), measures)->chance, 50 * rule.false_discovery);
  EXPECT_LT(peer_distance(rule, usual(6, 0, 0.05), moved_by(0.48, 0.05))->chance, rule.false_discovery)
      << "what is as far off as can be";
}

TEST(PeerDistance, TellsADeviceThatMovedAloneFromOneThatMovedWithAll) {
  const DriftRule rule;
  const auto alone = peer_distance(rule, usual(50, 0, 0.05), moved_by(-0.25, 0.8)).value();
  EXPECT_LT(alone.shift_z, -8);
  EXPECT_GT(alone.ln_psi_z, 5);
  EXPECT_LT(alone.chance, 1e-12);
  const auto with_all = peer_distance(rule, usual(50, -0.24, 0.75), moved_by(-0.25, 0.8)).value();
  EXPECT_LT(std::abs(with_all.z), 1);
  EXPECT_EQ(with_all.chance, 1);
  const auto stayed = peer_distance(rule, usual(50, 0, 2.0), moved_by(0, 0.01)).value();
  EXPECT_EQ(stayed.z, 0) << "a device that is nearer to its first days than others is not at fault";
  EXPECT_FALSE(peer_distance(rule, usual(4, 0, 0.05), moved_by(-0.25, 0.8))) << "too few to tell";
}

TEST(Discovery, AllowsForHowManyFeaturesAreLookedAt) {
  EXPECT_EQ(discovery_limit(0.05, {}), 0);
  EXPECT_EQ(discovery_limit(0.05, {0.04, 0.5, 0.9, 0.7}), 0);
  EXPECT_DOUBLE_EQ(discovery_limit(0.05, {0.01, 0.5, 0.9, 0.7}), 0.0125);
  EXPECT_DOUBLE_EQ(discovery_limit(0.05, {0.9, 0.02, 0.01, 0.7}), 0.025);
  EXPECT_NEAR(z_of_chance(2 * std::erfc(4 / std::sqrt(2.0))), 4, 1e-9);
}

TEST(Peers, GiveTheMiddleAndTheScatterOfTheHourThatEnded) {
  Peers peers(2);
  for (int i = 0; i < 101; ++i) peers.hear(1, {0, Against::own, -0.2 + 0.001 * i, i < 40 ? 0.5 : 0.05, i < 40});
  EXPECT_FALSE(peers.take_ended_hour());
  peers.hear(2, {0, Against::own, 0.4, 5, true});
  EXPECT_TRUE(peers.take_ended_hour());
  EXPECT_FALSE(peers.take_ended_hour());
  const auto table = peers.table();
  const auto& own = table->usual(0, Against::own);
  EXPECT_EQ(own.devices, 101u);
  EXPECT_NEAR(own.shift.median, -0.15, 0.011);
  EXPECT_NEAR(own.shift.sigma, 1.4826 * 0.025, 0.016);
  EXPECT_NEAR(own.ln_psi.median, std::log(0.05), 0.1);
  EXPECT_NEAR(own.moved_share, 40 / 101.0, 1e-9);
  EXPECT_EQ(table->usual(0, Against::training).devices, 0u);
  EXPECT_TRUE(table->anybody_has(0));
  EXPECT_FALSE(table->anybody_has(1));
}

TEST(Peers, BeforeTheFirstFullHourThoseThatWereHeardCount) {
  Peers peers(1);
  EXPECT_EQ(peers.table()->usual(0, Against::own).devices, 0u);
  for (int i = 0; i < 8; ++i) peers.hear(1, {0, Against::own, 0, 0.05, false});
  EXPECT_EQ(peers.table()->usual(0, Against::own).devices, 8u);
}

TEST(FleetDrift, IsASeasonOnceItHasLastedAndEndsAtHalf) {
  const DriftRule rule;
  const Duration hour{3'600'000};
  const Instant begin = parse_rfc3339("2026-03-01T12:00:00Z").value();
  FleetDrift drift{"m", "1", "x"};
  const auto look = [&](int hours, double share, std::size_t devices = 60) {
    PeerTable peers(1);
    peers.set(0, Against::own, usual(devices, 0.2, 0.5, share));
    take_hour(rule, hour, peers, 0, begin + hours * hour, drift);
  };
  look(0, 0.2);
  EXPECT_FALSE(drift.since);
  for (int i = 1; i < 49; ++i) look(i, 0.4);
  EXPECT_TRUE(drift.since);
  EXPECT_FALSE(drift.called_at);
  look(49, 0.4);
  EXPECT_TRUE(drift.called_at);
  look(50, 0.2);
  EXPECT_TRUE(drift.called_at);
  look(51, 0.1);
  EXPECT_FALSE(drift.called_at);
  EXPECT_FALSE(drift.since);
  look(52, 0.9, 4);
  EXPECT_FALSE(drift.since) << "too few devices for a season";
}

TEST(DriftScore, LeavesOutAReferenceThatWillNotDo) {
  const std::map<std::string, std::vector<std::uint64_t>> present{{"x", {500, 0, 0, 0}}};
  EXPECT_TRUE(drift_score({{"x", {1, 2}, {0, 300, 300, 0}}}, present));
  EXPECT_FALSE(drift_score({{"x", {1, 2}, {0, 2, 1, 0}}}, present)) << "three samples";
  EXPECT_FALSE(drift_score({{"x", {1, 2}, {0, 0, 0, 0}}}, present)) << "none";
}

TEST(Drift, MeasuresTheWholeSet) {
  const auto measures = measure({0, 1, 2}, {0, 50, 50, 0, 0}, {0, 0, 100, 0, 0});
  EXPECT_EQ(measures.samples, 100u);
  EXPECT_GT(measures.psi, 1);
  EXPECT_GT(measures.jensen_shannon, 0.2);
  EXPECT_NEAR(measures.kolmogorov_smirnov, 0.5, 1e-12);
  EXPECT_NEAR(measures.shift, 0.25, 1e-12);
  ASSERT_TRUE(measures.wasserstein_over_sd);
  EXPECT_NEAR(measures.sampling_psi, (2 - 1) * (1.0 / 100 + 1.0 / 100), 1e-12);
}

TEST(Drift, IsToldInOneSentenceWithWhatDecided) {
  const DriftRule rule;
  FeatureVerdict verdict;
  verdict.measures.independent_samples = 20;
  EXPECT_EQ(describe_drift(rule, "sharpness", verdict),
            "\"sharpness\" has 20 of the 100 independent samples that a verdict needs");
  verdict.kind = DriftVerdictKind::drifted;
  verdict.scope = DriftScope::device;
  verdict.against = Against::own;
  verdict.measures = moved_by(-0.2, 1.234);
  verdict.measures.samples = 86'000;
  verdict.measures.independent_samples = 1440;
  verdict.threshold = 0.22;
  verdict.z = -6.41;
  verdict.z_needed = 4.5;
  EXPECT_EQ(describe_drift(rule, "sharpness", verdict),
            "\"sharpness\" no longer looks as it did in this device's first days (PSI 1.23, 0.22 and more count, 86000 "
            "samples worth 1440, 6.4 scatters from its peers with 4.5 needed), and other devices do not show it: look "
            "at this device's sensor");
}

}  // namespace
}  // namespace argosy::server
