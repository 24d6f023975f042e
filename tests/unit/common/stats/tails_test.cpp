#include "common/stats/tails.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/unit/common/stats/golden.hpp"

namespace argosy {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

void expect_close(double value, double golden, double share = 1e-9) {
  EXPECT_NEAR(value, golden, std::abs(golden) * share + 1e-300);
}

TEST(Tails, EqualThoseOfSciPyAndMpmath) {
  const auto golden = golden_values("tails");
  for (const auto& g : golden["normal_tail"]) expect_close(normal_tail(g[0]), g[1]);
  for (const auto& g : golden["normal_point"]) EXPECT_NEAR(normal_point(g[0]), g[1].get<double>(), 1e-10);
  for (const auto& g : golden["student_tail"]) expect_close(student_tail(g[0], g[1]), g[2]);
  for (const auto& g : golden["student_point"]) expect_close(student_point(g[0], g[1]), g[2]);
  for (const auto& g : golden["noncentral_student_tail"])
    expect_close(noncentral_student_tail(g[0], g[1], g[2]), g[3], 1e-8);
  for (const auto& g : golden["ln_beta_tail"]) expect_close(ln_beta_tail(g[0], g[1], g[2]), g[3], 1e-10);
}

TEST(Tails, MeetTheNormalOnesWithInfiniteDegreesOfFreedom) {
  EXPECT_EQ(student_tail(1.5, inf), normal_tail(1.5));
  EXPECT_NEAR(student_point(0.01, 1e9), normal_point(0.01), 1e-7);
  EXPECT_EQ(noncentral_student_tail(2, inf, 1), normal_tail(1));
}

TEST(Tails, PowerFarOutGoesOnWhereTheSeriesEnds) {
  // Either side of where another method takes over.
  EXPECT_NEAR(noncentral_student_tail(30, 40, 34.9999), noncentral_student_tail(30, 40, 35.0001), 1e-5);
  EXPECT_NEAR(noncentral_student_tail(30, 1.5, 34.9999), noncentral_student_tail(30, 1.5, 35.0001), 1e-5);
  EXPECT_NEAR(noncentral_student_tail(-30, 4, -35.0001), noncentral_student_tail(-30, 4, -34.9999), 1e-5);
  EXPECT_NEAR(noncentral_student_tail(2, 9, 1e4), 1, 1e-9);
}

TEST(Tails, TheLogarithmGoesOnWhereTheTailUnderflows) {
  double before = 0;
  for (double failures_not_seen = 0.5; failures_not_seen < 1e7; failures_not_seen *= 1.1) {
    const double ln = ln_beta_tail(0.01, 0.5, failures_not_seen);
    ASSERT_TRUE(std::isfinite(ln)) << failures_not_seen;
    ASSERT_LT(ln, before) << failures_not_seen;
    before = ln;
  }
  EXPECT_EQ(ln_beta_tail(0, 1, 1), 0);
  EXPECT_EQ(ln_beta_tail(1, 1, 1), -inf);
}

TEST(Tails, WhatIsOutOfRangeIsNotANumber) {
  EXPECT_TRUE(std::isnan(normal_point(0)));
  EXPECT_TRUE(std::isnan(student_point(0.5, 0)));
  EXPECT_TRUE(std::isnan(student_tail(std::nan(""), 3)));
  EXPECT_TRUE(std::isnan(ln_beta_tail(0.5, 0, 1)));
}

}  // namespace
}  // namespace argosy
