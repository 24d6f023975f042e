#include "common/stats/fall_evidence.hpp"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace argosy {
namespace {

constexpr double a_year = 8766;
constexpr double limit = 0.94;
const FallTuning tuning{};

Instant minute(int minutes) {
  return instant_from_ms(1'772'000'000'000LL + minutes * 60'000LL);
}

TEST(FallEvidence, IsNoneWithoutLabels) {
  EXPECT_EQ(FallEvidence().hours(tuning, limit), 0);
}

TEST(FallEvidence, GrowsWithAFallAndSoonerWithADeeperOne) {
  const auto minutes_until_found = [](std::uint64_t right_of_20) {
    FallEvidence evidence;
    for (int i = 0; i < 10'000; ++i) evidence.add(tuning, limit, minute(i), 19, 20);
    for (int i = 0; i < 10'000; ++i) {
      evidence.add(tuning, limit, minute(10'000 + i), right_of_20, 20);
      if (evidence.hours(tuning, limit) >= a_year) return i;
    }
    return 10'000;
  };
  EXPECT_LT(minutes_until_found(0), 15);
  EXPECT_LT(minutes_until_found(10), 120);
  EXPECT_LT(minutes_until_found(15), minutes_until_found(17));
  EXPECT_EQ(minutes_until_found(19), 10'000) << "95 % is no fall under 94 %";
}

TEST(FallEvidence, LabelsOfOneMomentSayLittleHoweverMany) {
  FallEvidence evidence;
  evidence.add(tuning, limit, minute(0), 187, 205);
  EXPECT_LT(evidence.hours(tuning, limit), 100) << "91 % of 205 labels of one minute: the demo's false alert";
  evidence.add(tuning, limit, minute(1), 91'000, 100'000);
  EXPECT_LT(evidence.hours(tuning, limit), a_year) << "an hour of more errors is not yet a fall";
}

// Moods: an hour of the day in which a third of the answers is wrong, all others being well.
TEST(FallEvidence, OneOddHourIsNoFall) {
  FallEvidence evidence;
  for (int hour = 0; hour < 100; ++hour) evidence.add(tuning, limit, minute(60 * hour), 19, 20);
  evidence.add(tuning, limit, minute(60 * 100), 13, 20);
  EXPECT_LT(evidence.hours(tuning, limit), 30);
}

TEST(FallEvidence, HowManyLooksAreTakenMakesNoDifference) {
  FallEvidence often, seldom;
  for (int hour = 0; hour < 30; ++hour) {
    for (int i = 0; i < 20; ++i) {
      often.add(tuning, limit, minute(60 * hour + 3 * i), i == 0 ? 0 : 1, 1);
      static_cast<void>(often.hours(tuning, limit));
    }
    seldom.add(tuning, limit, minute(60 * hour), 19, 20);
  }
  EXPECT_NEAR(often.hours(tuning, limit), seldom.hours(tuning, limit), 1e-9 * seldom.hours(tuning, limit));
}

// With the share at the limit, and drawn as the model has it, so much evidence as 50 hours' comes at most once in 50
// hours on average.
TEST(FallEvidence, AtTheLimitComesNoOftenerThanItSays) {
  std::mt19937_64 random(7);
  std::binomial_distribution<std::uint64_t> right(20, limit);
  FallTuning independent = tuning;
  independent.likeness = 1e-6;
  int pages = 0;
  constexpr int hours = 40'000;
  FallEvidence evidence;
  for (int hour = 0; hour < hours; ++hour) {
    evidence.add(independent, limit, minute(60 * hour), right(random), 20);
    if (evidence.hours(independent, limit) < 50) continue;
    ++pages;
    evidence.forget_falls();
  }
  EXPECT_LT(pages, hours / 50);
  EXPECT_GT(pages, hours / 1000) << "and it is not blind";
}

TEST(FallEvidence, LearnsHowAlikeTheLabelsOfAnHourAre) {
  std::mt19937_64 random(7);
  std::bernoulli_distribution is_hard(0.2);
  std::binomial_distribution<std::uint64_t> easy(100, 0.98), hard(100, 0.8);
  FallEvidence moody, even;
  for (int hour = 0; hour < 300; ++hour) {
    moody.add(tuning, limit, minute(60 * hour), is_hard(random) ? hard(random) : easy(random), 100);
    even.add(tuning, limit, minute(60 * hour), easy(random), 100);
  }
  EXPECT_GT(moody.likeness(tuning), 0.05);
  EXPECT_LT(even.likeness(tuning), 0.02);
}

TEST(FallEvidence, OddLabelsDoNoHarm) {
  FallEvidence evidence;
  evidence.add(tuning, limit, minute(60), 7, 5);
  evidence.add(tuning, limit, minute(0), 5, 5);
  evidence.add(tuning, limit, minute(0), 0, 0);
  EXPECT_EQ(evidence.state().labels, 10u);
  EXPECT_EQ(evidence.state().right, 10u);
  for (const double odd : {0.0, 1.0}) EXPECT_TRUE(std::isfinite(evidence.hours(tuning, odd))) << odd;
  for (int i = 0; i < 3000; ++i) evidence.add(tuning, limit, minute(60 * i), 0, 1'000'000);
  EXPECT_TRUE(std::isfinite(evidence.hours(tuning, limit)));
}

TEST(EffectiveLabels, AreFewerTheMoreAlikeTheyAre) {
  EXPECT_DOUBLE_EQ(effective_labels(200, 10, 0), 200);
  EXPECT_NEAR(effective_labels(200, 10, 0.1), 200 / 2.9, 1e-9);
  EXPECT_NEAR(effective_labels(100'000, 0.1, 0.1), 10, 0.01);
}

}  // namespace
}  // namespace argosy
