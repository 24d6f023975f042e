#include "agent/telemetry/health_sampler.hpp"

#include <gtest/gtest.h>

#include "tests/unit/agent/telemetry/fake_board.hpp"

namespace argosy::agent {
namespace {

using test::FakeBoard;

const Instant now = instant_from_ms(1'700'000'000'000);

TEST(HealthSampler, WhatTheBoardLacksIsAbsent) {
  FakeBoard board;
  HealthSampler sampler = board.sampler();
  sampler.sample(now);
  const auto sample = sampler.sample(now);
  EXPECT_FALSE(sample.cpu_percent);
  EXPECT_FALSE(sample.memory_used_mb);
  EXPECT_FALSE(sample.cpu_temperature_c);
  EXPECT_FALSE(sample.gpu_temperature_c);
  EXPECT_FALSE(sample.network_rx_bytes);
  EXPECT_FALSE(sample.uptime_s);
  EXPECT_FALSE(sample.agent_rss_mb);
  EXPECT_TRUE(sample.disk_free_mb);
}

TEST(HealthSampler, LoadIsSinceTheLastSample) {
  FakeBoard board;
  HealthSampler sampler = board.sampler();
  board.put("proc/stat", "cpu  100 0 100 800 0 0 0 0 0 0\n");
  EXPECT_FALSE(sampler.sample(now).cpu_percent);
  board.put("proc/stat", "cpu  150 0 150 880 20 0 0 0 0 0\n");
  EXPECT_NEAR(*sampler.sample(now).cpu_percent, 50, 1e-9);
}

TEST(HealthSampler, ReadsMemoryNetworkTemperatureAndUptime) {
  FakeBoard board;
  board.put("proc/meminfo", "MemTotal:  2048000 kB\nMemFree: 1 kB\nMemAvailable:  1024000 kB\nHugePages_Total: 0\n");
  board.put("proc/net/dev",
            "Inter-|   Receive\n face |bytes\n    lo: 900 0 0 0 0 0 0 0 900 0 0 0 0 0 0 0\n"
            "  eth0: 100 1 0 0 0 0 0 0 10 1 0 0 0 0 0 0\n wlan0:200 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n");
  board.put("proc/uptime", "1234.5 99.0\n");
  board.put("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n");
  board.put("sys/class/thermal/thermal_zone0/temp", "48500\n");
  board.put("sys/class/thermal/thermal_zone1/type", "GPU-therm\n");
  board.put("sys/class/thermal/thermal_zone1/temp", "51000\n");
  board.put("sys/class/thermal/thermal_zone2/type", "cpu1-thermal\n");
  board.put("sys/class/thermal/thermal_zone2/temp", "-256000\n");
  const auto sample = board.sampler().sample(now);
  EXPECT_NEAR(*sample.memory_total_mb, 2000, 1e-9);
  EXPECT_NEAR(*sample.memory_used_mb, 1000, 1e-9);
  EXPECT_EQ(sample.network_rx_bytes, 300);
  EXPECT_EQ(sample.network_tx_bytes, 30);
  EXPECT_EQ(sample.uptime_s, 1234.5);
  EXPECT_EQ(sample.cpu_temperature_c, 48.5);
  EXPECT_EQ(sample.gpu_temperature_c, 51.0);
}

TEST(HealthSampler, ReadsThisMachine) {
  HealthSampler sampler({"/"});
  const auto sample = sampler.sample(now);
  EXPECT_GT(sample.memory_total_mb.value_or(0), 0);
  EXPECT_GT(sample.agent_rss_mb.value_or(0), 0);
  EXPECT_GT(sample.disk_total_mb.value_or(0), 0);
}

}  // namespace
}  // namespace argosy::agent
