#include "agent/runner/percentile.hpp"

#include <numeric>

#include <gtest/gtest.h>

namespace argosy::agent {
namespace {

TEST(Summarise, TakesTheNearestRank) {
  std::vector<double> values(100);
  std::iota(values.rbegin(), values.rend(), 1);
  const LatencySummary summary = summarise(values);
  EXPECT_DOUBLE_EQ(summary.mean, 50.5);
  EXPECT_DOUBLE_EQ(summary.p50, 50);
  EXPECT_DOUBLE_EQ(summary.p95, 95);
  EXPECT_DOUBLE_EQ(summary.p99, 99);
}

TEST(Summarise, OneValueIsEveryPercentile) {
  const LatencySummary summary = summarise({3});
  EXPECT_DOUBLE_EQ(summary.p50, 3);
  EXPECT_DOUBLE_EQ(summary.p99, 3);
}

TEST(Summarise, NothingIsZero) {
  EXPECT_EQ(summarise({}).p99, 0);
}

}  // namespace
}  // namespace argosy::agent
