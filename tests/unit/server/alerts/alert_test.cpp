#include "server/alerts/alert.hpp"

#include <cmath>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/random.hpp"

namespace argosy::server {
namespace {

// Feeds windows one by one, as the service does from the database.
class Watch {
 public:
  explicit Watch(LatencyRule rule = {}, std::uint64_t inferences = 1'000) : rule_(rule), inferences_(inferences) {}
  AlertState feed(double p95_ms) {
    recent_.push_back({instant_from_ms(++clock_ * 60'000), p95_ms, inferences_});
    if (recent_.size() > 10) recent_.erase(recent_.begin());
    state_ = judge_latency(rule_, baseline_, state_, recent_).state;
    return state_;
  }
  AlertState feed(double p95_ms, int times) {
    for (int i = 0; i < times; ++i) feed(p95_ms);
    return state_;
  }
  double usual() const { return baseline_.p95_ms(); }
  LatencyBaseline baseline() const { return baseline_; }

 private:
  LatencyRule rule_;
  std::uint64_t inferences_;
  LatencyBaseline baseline_;
  std::vector<LatencyWindow> recent_;
  AlertState state_ = AlertState::ok;
  std::int64_t clock_ = 0;
};

TEST(LatencyDoubled, FiresInTheSecondHighWindowOfThreeAndClosesAfterTenCalmOnes) {
  Watch watch;
  EXPECT_EQ(watch.feed(10, 20), AlertState::ok);
  EXPECT_EQ(watch.feed(25), AlertState::pending);
  EXPECT_EQ(watch.feed(12), AlertState::pending);
  EXPECT_EQ(watch.feed(25), AlertState::firing);
  EXPECT_EQ(watch.feed(16, 30), AlertState::firing) << "1.6 times the usual is not calm";
  EXPECT_EQ(watch.feed(11, 9), AlertState::firing);
  EXPECT_EQ(watch.feed(11), AlertState::ok);
}

TEST(LatencyDoubled, OneHighWindowAloneIsWithdrawn) {
  Watch watch;
  watch.feed(10, 20);
  EXPECT_EQ(watch.feed(100), AlertState::pending);
  EXPECT_EQ(watch.feed(10, 2), AlertState::pending);
  EXPECT_EQ(watch.feed(10), AlertState::ok);
}

TEST(LatencyDoubled, WithFewInferencesAWindowMoreOfThemMustBeHigh) {
  Watch watch({}, 20);  // five windows hold a hundred
  watch.feed(10, 20);
  EXPECT_EQ(watch.feed(100, 2), AlertState::pending);
  EXPECT_EQ(watch.feed(10), AlertState::pending);
  EXPECT_EQ(watch.feed(100), AlertState::pending) << "3 of 5";
  EXPECT_EQ(watch.feed(100), AlertState::firing) << "4 of 5";
}

TEST(LatencyDoubled, TheBaselineIsFrozenWhileAnyWindowIsHigh) {
  Watch watch;
  watch.feed(10, 20);
  watch.feed(40, 500);
  EXPECT_NEAR(watch.usual(), 10, 1e-9);
  EXPECT_EQ(watch.baseline().windows, 20u);
}

TEST(LatencyDoubled, NeedsABaselineFirst) {
  Watch watch;
  EXPECT_EQ(watch.feed(10, 5), AlertState::ok);
  EXPECT_EQ(watch.feed(100, 5), AlertState::ok) << "the tenth window still only teaches";
}

TEST(LatencyDoubled, AFewMicrosecondsAreNoAlarmHoweverManyTimesTheUsual) {
  Watch watch;
  watch.feed(0.05, 20);
  EXPECT_EQ(watch.feed(0.5, 20), AlertState::ok) << "under 2 ms more";
  EXPECT_EQ(watch.feed(2.5, 2), AlertState::firing);
}

// From 9 to 18 o'clock four times as slow as by night, from its first day on.
TEST(LatencyDoubled, ADayThatIsAsEveryDayIsNoAlarm) {
  Watch watch;
  for (int minute = 0; minute < 5 * 1440; ++minute) {
    const int hour = minute / 60 % 24;
    ASSERT_NE(watch.feed(hour >= 9 && hour < 18 ? 80 : 20), AlertState::firing) << "minute " << minute;
  }
  EXPECT_EQ(watch.feed(60, 2), AlertState::firing) << "by night that is three times the usual";
}

TEST(LatencyDoubled, WhatBeginsWithTheHourIsFoundInADevicesFirstHours) {
  Watch watch;
  watch.feed(10, 59);
  EXPECT_EQ(watch.feed(30, 2), AlertState::firing);
}

TEST(LatencyDoubled, IsFrozenWhileItIsOpenWhateverTheHour) {
  Watch watch;
  watch.feed(10, 3 * 1440);
  EXPECT_EQ(watch.feed(40, 2 * 1440), AlertState::firing);
  EXPECT_NEAR(watch.usual(), 10, 0.1);
  EXPECT_EQ(watch.feed(10, 10), AlertState::ok);
}

TEST(LatencyDoubled, WhereLatencyIsNoisyItTakesMore) {
  Rng rng(3);
  Watch watch;
  for (int i = 0; i < 3 * 1440; ++i) watch.feed(20 * std::exp(0.25 * rng.normal()));
  EXPECT_NE(watch.feed(45, 3), AlertState::firing) << "three sigmas";
  EXPECT_EQ(watch.feed(130, 3), AlertState::firing);
}

TEST(LatencyDoubled, NoiseOfThirtyPercentNeverFires) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Rng rng(seed);
    Watch watch;
    for (int i = 0; i < 1440; ++i)
      ASSERT_NE(watch.feed(20 * std::exp(0.15 * rng.normal())), AlertState::firing) << "seed " << seed;
  }
}

AccuracySeen seen_of(std::uint64_t labels, std::uint64_t correct, double fall_hours = 0) {
  return {.newest = {labels, correct}, .newest_span_hours = 1, .likeness = 0, .fall_hours = fall_hours};
}

TEST(AccuracyLow, FiresWhenLabelsAtTheThresholdSeldomLookSoMuchLikeAFall) {
  const AccuracyRule rule;
  EXPECT_EQ(judge_accuracy(rule, 0.94, AlertState::ok, seen_of(60, 50, 4000)).state, AlertState::ok);
  EXPECT_EQ(judge_accuracy(rule, 0.94, AlertState::ok, seen_of(60, 57, 5000)).state, AlertState::ok) << "95 % now";
  EXPECT_EQ(judge_accuracy(rule, 0.94, AlertState::ok, {}).state, AlertState::ok);
  const auto low = judge_accuracy(rule, 0.94, AlertState::ok, seen_of(60, 50, 5000));
  EXPECT_EQ(low.state, AlertState::firing);
  EXPECT_NEAR(low.value, 50.0 / 60, 1e-12);
  EXPECT_NEAR(low.bounds.upper, wilson_bounds(50, 60, rule.z).upper, 1e-12);
  EXPECT_EQ(low.labels, 60u);
}

TEST(AccuracyLow, ClosesWhenTheShareItselfIsBack) {
  const AccuracyRule rule;
  EXPECT_EQ(judge_accuracy(rule, 0.94, AlertState::firing, seen_of(100, 93)).state, AlertState::firing);
  EXPECT_EQ(judge_accuracy(rule, 0.94, AlertState::firing, seen_of(100, 94)).state, AlertState::ok);
  EXPECT_EQ(judge_accuracy(rule, 0.94, AlertState::firing, seen_of(10, 10)).state, AlertState::firing)
      << "too few labels";
  EXPECT_EQ(judge_accuracy(rule, 0.94, AlertState::firing, {}).state, AlertState::firing);
}

TEST(AccuracyLow, AlikeLabelsMakeAWiderInterval) {
  auto seen = seen_of(200, 180);
  const auto apart = judge_accuracy({}, 0.94, AlertState::ok, seen);
  seen.likeness = 0.1;
  const auto alike = judge_accuracy({}, 0.94, AlertState::ok, seen);
  EXPECT_LT(alike.effective_labels, 10);
  EXPECT_LT(alike.bounds.lower, apart.bounds.lower);
  EXPECT_GT(alike.bounds.upper, apart.bounds.upper);
}

TEST(AlertMachine, EveryStepOfTheTable) {
  using S = AlertState;
  using T = AlertStep;
  const std::tuple<S, S, T> table[] = {
      {S::ok, S::ok, T::none},          {S::ok, S::pending, T::open_pending}, {S::ok, S::firing, T::fire},
      {S::pending, S::ok, T::withdraw}, {S::pending, S::pending, T::refresh}, {S::pending, S::firing, T::fire},
      {S::firing, S::ok, T::resolve},   {S::firing, S::pending, T::refresh},  {S::firing, S::firing, T::refresh}};
  for (const auto& [present, wanted, step] : table)
    EXPECT_EQ(next_step(present, wanted), step) << to_string(present) << " -> " << to_string(wanted);
}

TEST(AlertJson, SaysNullWhereThereIsNothing) {
  Alert alert;
  alert.id = 7;
  alert.rule = "gone_dark";
  alert.severity = "critical";
  alert.device = "cam-7";
  alert.state = AlertState::firing;
  alert.message = "cam-7 has gone dark";
  const auto document = nlohmann::json::parse(alert_to_json(alert));
  EXPECT_EQ(document["rule"], "gone_dark");
  EXPECT_EQ(document["device_id"], "cam-7");
  EXPECT_EQ(document["model"], "");
  EXPECT_TRUE(document["resolved_at"].is_null());
  EXPECT_TRUE(document["acknowledged_by"].is_null());
}

}  // namespace
}  // namespace argosy::server
