#include "tests/bench/alarms/latency_alarms.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

// A hundred devices, 14 days: what docs/monitoring.md states.
TEST(LatencyAlarms, DaysAndWeeksAreNoneAndJumpsAre) {
  const auto figures = simulate_latency(1);
  EXPECT_LE(figures["latency_false_episodes"], 1);
  EXPECT_GE(figures["latency_jumps_found_percent"], 95);
  EXPECT_LE(figures["latency_jump_median_minutes"], 15);
  EXPECT_GE(figures["latency_blind_false_episodes"], 500) << "else the days are too easy";
}

}  // namespace
}  // namespace argosy::server
