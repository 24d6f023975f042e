#include "agent/runner/agreement.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace argosy::agent {
namespace {

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

void add(Agreement& agreement, std::vector<double> exact, std::vector<double> other) {
  agreement.add(exact, other);
}

TEST(Agreement, CountsEqualPredictionsAndTheLargestDifference) {
  Agreement agreement;
  add(agreement, {0.1, 0.7, 0.2}, {0.2, 0.6, 0.2});
  add(agreement, {3, 1, 2}, {1, 2, 1});
  EXPECT_EQ(agreement.samples(), 2U);
  EXPECT_DOUBLE_EQ(agreement.share(), 0.5);
  EXPECT_DOUBLE_EQ(agreement.max_difference(), 2);
  EXPECT_DOUBLE_EQ(agreement.largest_score(), 3);
  EXPECT_EQ(agreement.distinct_predictions(), 2U);
}

TEST(Agreement, WhatIsNoNumberAgreesWithNothing) {
  Agreement agreement;
  add(agreement, {1, no_number}, {1, no_number});
  add(agreement, {1, 0}, {1, 0});
  EXPECT_DOUBLE_EQ(agreement.share(), 0.5);
  EXPECT_TRUE(std::isinf(agreement.max_difference()));
}

TEST(Agreement, SingleNumbersAgreeWithinAHundredthOfTheLargest) {
  Agreement agreement;
  add(agreement, {-200}, {-199});
  add(agreement, {1}, {2.9});
  add(agreement, {1}, {3.1});
  add(agreement, {no_number}, {1});
  EXPECT_DOUBLE_EQ(agreement.share(), 0.5);
}

TEST(Agreement, OfNoSamplesIsNone) {
  EXPECT_DOUBLE_EQ(Agreement().share(), 0);
}

}  // namespace
}  // namespace argosy::agent
