#include "server/rollouts/core/pace.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using std::chrono::seconds;

const Instant zero = instant_from_ms(1'800'000'000'000);

// Tells whom it may at each look; when each device was told.
std::vector<Instant> tellings(double per_minute, Duration look_every, Duration how_long) {
  std::vector<Instant> told;
  std::optional<Instant> spent;
  for (Instant now = zero; now < zero + how_long; now += look_every) {
    const PaceNow pace{per_minute, spent, now};
    const auto devices = devices_allowed(pace);
    if (devices == 0) continue;
    spent = spent_after(pace, devices);
    told.insert(told.end(), static_cast<std::size_t>(devices), now);
  }
  return told;
}

std::int64_t most_in_a_minute(const std::vector<Instant>& told) {
  std::int64_t most = 0;
  auto from = told.begin();
  for (auto to = told.begin(); to != told.end(); ++to) {
    while (*to - *from >= seconds(60)) ++from;
    most = std::max<std::int64_t>(most, to - from + 1);
  }
  return most;
}

TEST(Pace, WithoutARateThereIsNoLimit) {
  EXPECT_FALSE(rate_per_minute({}, 1000));
}

TEST(Pace, TellsAsManyAsItSaysInTheLongRun) {
  for (const double rate : {0.5, 1.0, 7.0, 60.0, 1000.0, 20'000.0}) {
    const auto told = tellings(rate, Duration{700}, std::chrono::minutes(20));
    EXPECT_NEAR(static_cast<double>(told.size()), 20 * rate, rate / 12 + 1.5) << rate;
    EXPECT_LE(static_cast<double>(most_in_a_minute(told)), rate * 65 / 60 + 1) << rate;
  }
}

TEST(Pace, ASlowRateTellsOneAtATime) {
  const auto told = tellings(2, Duration{1000}, seconds(91));
  EXPECT_EQ(told, (std::vector<Instant>{zero, zero + seconds(30), zero + seconds(60), zero + seconds(90)}));
}

// A server that was away, or a wave that waited for an hour, does not burst.
TEST(Pace, WhatWasNotUsedLapses) {
  EXPECT_EQ(devices_allowed({60, zero, zero + std::chrono::hours(1)}), 6);
  EXPECT_EQ(devices_allowed({60, std::nullopt, zero}), 5);
  EXPECT_EQ(devices_allowed({0.1, zero, zero + std::chrono::hours(1)}), 1);
}

TEST(Pace, TheSameTimeGivesTheSameAnswer) {
  const PaceNow pace{60, zero - seconds(2), zero};
  EXPECT_EQ(devices_allowed(pace), 2);
  EXPECT_EQ(devices_allowed(pace), 2);
  EXPECT_EQ(devices_allowed({60, spent_after(pace, 2), zero}), 0);
}

// Its clock may have been wrong, or another server's runs ahead.
TEST(Pace, SaysWhenTheNextMayBeTold) {
  EXPECT_EQ(next_allowed({2, zero + seconds(10), zero}), zero + seconds(40));
  EXPECT_EQ(devices_allowed({2, zero + seconds(10), zero}), 0);
  EXPECT_EQ(next_allowed({60, zero - seconds(5), zero}), zero);
}

TEST(Pace, GrowsWithSuccessesUpToItsLimit) {
  const Pace pace{PaceKind::exponential, 10, 2, 5, 70, 0};
  EXPECT_EQ(rate_per_minute(pace, 0), 10);
  EXPECT_EQ(rate_per_minute(pace, 4), 10);
  EXPECT_EQ(rate_per_minute(pace, 5), 20);
  EXPECT_EQ(rate_per_minute(pace, 14), 40);
  EXPECT_EQ(rate_per_minute(pace, 15), 70);
  EXPECT_EQ(rate_per_minute(pace, 1'000'000), 70);
}

TEST(Pace, GrowthWithoutALimitStaysANumber) {
  const Pace pace{PaceKind::exponential, 10, 100, 1, std::nullopt, 0};
  EXPECT_EQ(rate_per_minute(pace, 1'000'000), 1'000'000);
}

TEST(Pace, AConstantOneDoesNotGrow) {
  EXPECT_EQ(rate_per_minute({PaceKind::constant, 10, 2, 5, 70, 0}, 1000), 10);
}

TEST(Pace, JitterSpreadsAWaveFromItsOpening) {
  Pace pace;
  pace.jitter_s = 100;
  EXPECT_EQ(spread_so_far(pace, 200, zero, zero), 1);
  EXPECT_EQ(spread_so_far(pace, 200, zero, zero + seconds(25)), 51);
  EXPECT_EQ(spread_so_far(pace, 200, zero, zero + seconds(100)), 200);
  EXPECT_EQ(spread_so_far(pace, 200, zero, zero + seconds(5000)), 200);
  EXPECT_EQ(spread_so_far(pace, 200, zero, zero - seconds(5)), 1);
  EXPECT_EQ(spread_so_far({}, 200, zero, zero), 200);
}

}  // namespace
}  // namespace argosy::server
