#include "agent/link/throttle.hpp"

#include <gtest/gtest.h>

namespace argosy::agent {
namespace {

using namespace std::chrono_literals;

TEST(Throttle, WithoutALimitNobodyWaits) {
  Throttle throttle(0);
  EXPECT_EQ(throttle.take(1 << 30, Throttle::Time{1s}), 0ns);
  EXPECT_EQ(throttle.burst_bytes(32768), 32768u);
}

TEST(Throttle, RateIsKeptOverAnyTimeWhoeverTakes) {
  Throttle throttle(100'000);
  Throttle::Time now{1000s};
  std::uint64_t taken = 0;
  while (now < Throttle::Time{1060s}) {
    const std::size_t piece = 1 + taken % 9000;
    taken += piece;
    now += throttle.take(piece, now);
  }
  EXPECT_NEAR(static_cast<double>(taken), 6'000'000, 40'000);
}

TEST(Throttle, WhatWasNotTakenIsNotSavedUp) {
  Throttle throttle(100'000);
  throttle.take(1000, Throttle::Time{1s});
  EXPECT_EQ(throttle.take(25'000, Throttle::Time{3600s}), 0ns);
  EXPECT_GT(throttle.take(1000, Throttle::Time{3600s}), 0ns);
}

TEST(Throttle, NobodyWaitsLongForAPiece) {
  for (const std::uint64_t rate : {1ULL, 8'000ULL, 100'000ULL, 10'000'000'000ULL}) {
    Throttle throttle(rate);
    const std::size_t piece = throttle.burst_bytes(32768);
    EXPECT_GE(piece, 1u);
    EXPECT_LE(piece, 32768u);
    throttle.take(piece, Throttle::Time{10s});
    const auto wait = throttle.take(piece, Throttle::Time{10s});
    EXPECT_TRUE(rate < 4 || wait <= 300ms) << rate;
  }
}

}  // namespace
}  // namespace argosy::agent
