// Telemetry that waits in memory.
#include "agent/telemetry/held_records.hpp"

#include <gtest/gtest.h>

#include "common/stats/log_histogram.hpp"

namespace argosy::agent {
namespace {

using namespace std::chrono_literals;

const Instant held_at = instant_from_ms(1'700'000'000'000);

wire::HealthSample held_sample(double cpu) {
  wire::HealthSample health;
  health.at = held_at;
  health.cpu_percent = cpu;
  return health;
}

double cpu_of(const HeldRecords::Held& held) {
  return *std::get<wire::HealthSample>(held.content).cpu_percent;
}

TEST(HeldRecords, GiveBackWhatTheyTookOldestFirst) {
  HeldRecords held;
  held.add(held_sample(1), held_at);
  held.add(held_sample(2), held_at + 1s);
  ASSERT_EQ(held.records(), 2u);
  EXPECT_EQ(cpu_of(held.oldest()), 1);
  held.remove_oldest();
  EXPECT_EQ(cpu_of(held.oldest()), 2);
  EXPECT_EQ(held.oldest().at, held_at + 1s);
  held.remove_oldest();
  EXPECT_TRUE(held.empty());
  EXPECT_EQ(held.bytes(), 0u);
}

TEST(HeldRecords, AreBoundedAndCountWhatTheyDropped) {
  HeldRecords held;
  const int count = 100'000;
  for (int i = 0; i < count; ++i) held.add(held_sample(i), held_at);
  EXPECT_LE(held.bytes(), HeldRecords::most_bytes);
  EXPECT_GT(held.bytes(), HeldRecords::most_bytes - 1000);
  EXPECT_EQ(held.records() + held.dropped(), static_cast<std::size_t>(count));
  EXPECT_EQ(cpu_of(held.oldest()), static_cast<double>(held.dropped()));
}

TEST(HeldRecords, MoveWithTheClock) {
  HeldRecords held;
  wire::InferenceWindow window;
  window.model = "digits";
  window.version = "1.0";
  window.started_at = held_at;
  window.ended_at = held_at + 1min;
  window.latency = LogHistogram{}.encode();
  held.add(window, held_at + 1min);
  held.add(held_sample(1), held_at + 1min);
  held.shift(-1h);
  const auto moved = std::get<wire::InferenceWindow>(held.oldest().content);
  EXPECT_EQ(moved.started_at, held_at - 1h);
  EXPECT_EQ(moved.ended_at, held_at + 1min - 1h);
  EXPECT_EQ(held.oldest().at, held_at + 1min - 1h);
  held.remove_oldest();
  EXPECT_EQ(std::get<wire::HealthSample>(held.oldest().content).at, held_at - 1h);
}

TEST(HeldRecords, ATimeThatNobodyCouldReadStaysAsItWas) {
  HeldRecords held;
  held.add(held_sample(1), held_at);
  held.shift(-std::chrono::hours(24 * 365 * 100));
  EXPECT_EQ(std::get<wire::HealthSample>(held.oldest().content).at, held_at);
}

}  // namespace
}  // namespace argosy::agent
