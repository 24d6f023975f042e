#include "server/alerts/alert.hpp"

#include <cmath>
#include <functional>

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

TEST(LatencyDoubled, OfATenthOfAMillisecondThreeAreCalm) {
  Watch watch;
  watch.feed(0.1, 20);
  EXPECT_EQ(watch.feed(45, 3), AlertState::firing);
  EXPECT_EQ(watch.feed(1.2, 20), AlertState::firing);
  EXPECT_EQ(watch.feed(0.3, 9), AlertState::firing);
  EXPECT_EQ(watch.feed(0.3), AlertState::ok);
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

// Weeks of windows, one a minute, with noise of 8 %.
class WatchOfWeeks {
 public:
  explicit WatchOfWeeks(const char* from) : from_(parse_rfc3339(from).value()) {}
  // What `p95_ms` gives of the hour and the day, for so many days; how often it fired.
  int feed(int days, const std::function<double(double, int)>& p95_ms) {
    int fired = 0;
    for (int minute = 0; minute < days * 1440; ++minute) {
      const double noise = std::exp(0.08 * random_.normal());
      recent_.push_back(
          {from_ + ++minutes_ * Duration{60'000}, noise * p95_ms(minute % 1440 / 60.0, minute / 1440), 300});
      if (recent_.size() > 10) recent_.erase(recent_.begin());
      const auto before = state_;
      state_ = judge_latency({}, baseline_, state_, recent_).state;
      fired += state_ == AlertState::firing && before != AlertState::firing ? 1 : 0;
    }
    return fired;
  }
  Rng& random() { return random_; }
  const LatencyBaseline& baseline() const { return baseline_; }

 private:
  Instant from_;
  int minutes_ = 0;
  Rng random_{5};
  LatencyBaseline baseline_;
  std::vector<LatencyWindow> recent_;
  AlertState state_ = AlertState::ok;
};

TEST(LatencyDoubled, ARushThatBeginsAmidAnHourIsNoAlarmFromTheFirstDayOn) {
  WatchOfWeeks watch("2026-05-04T00:00:00Z");
  const auto office = [](double hour, int) { return hour >= 8.5 && hour < 17.4 ? 80.0 : 20.0; };
  EXPECT_EQ(watch.feed(5, office), 0);
  EXPECT_EQ(watch.feed(1, [&](double hour, int day) { return office(hour, day) * (hour > 3 ? 2.6 : 1); }), 1);
}

TEST(LatencyDoubled, TheFirstMondayIsNoAlarm) {
  WatchOfWeeks watch("2026-05-02T00:00:00Z");
  EXPECT_EQ(watch.feed(9, [](double hour, int day) { return day % 7 >= 2 && hour >= 9 && hour < 18 ? 80.0 : 20.0; }),
            0);
}

TEST(LatencyDoubled, TheWayBackFromAQuietHourIsNoAlarm) {
  WatchOfWeeks watch("2026-05-04T00:00:00Z");
  EXPECT_EQ(watch.feed(2, [](double hour, int day) { return day == 0 && hour >= 10 && hour < 10.67 ? 20.0 : 80.0; }),
            0);
}

// However quiet it was since: an hour that nobody knows may be like the highest of any.
TEST(LatencyDoubled, WhatABusyHourTookIsNoAlarmInAnHourThatNobodyKnows) {
  WatchOfWeeks watch("2026-05-04T00:00:00Z");
  EXPECT_EQ(watch.feed(1, [](double hour, int) { return hour < 2 ? 80.0 : hour < 5.5 ? 20.0 : 130.0; }), 0);
}

// Two in a hundred windows stall by themselves: of three, two do now and then.
TEST(LatencyDoubled, WhereStallsAreUsualItTakesMoreOfThem) {
  WatchOfWeeks watch("2026-05-04T00:00:00Z");
  const auto stalls = [&](double, int) { return watch.random().chance(0.02) ? 100.0 : 20.0; };
  EXPECT_LE(watch.feed(14, stalls), 1);
  EXPECT_NEAR(watch.baseline().high_share, 0.02, 0.015);
  EXPECT_EQ(watch.feed(1, [](double, int) { return 60.0; }), 1);
}

TEST(LatencyDoubled, MoreOfMoreWindowsAreBeyondChance) {
  const auto run = [](double share) {
    const auto beyond = run_beyond_chance({}, share);
    return std::pair(beyond.high, beyond.of);
  };
  EXPECT_EQ(run(0), std::pair(std::size_t{2}, std::size_t{3}));
  EXPECT_EQ(run(0.002), std::pair(std::size_t{3}, std::size_t{4}));
  EXPECT_EQ(run(0.03), std::pair(std::size_t{5}, std::size_t{7}));
  EXPECT_EQ(run(0.5), std::pair(std::size_t{10}, std::size_t{10}));
  EXPECT_EQ(run_beyond_chance({.close_after = 3}, 0.5).of, 3u) << "more are not remembered";
}

AccuracySeen seen_of(std::uint64_t labels, std::uint64_t correct, double fall_hours = 0) {
  return {.newest = {labels, correct}, .newest_span_hours = 1, .likeness = 0, .fall_hours = fall_hours};
}

TEST(AccuracyLow, FiresWhenLabelsAtTheThresholdSeldomLookSoMuchLikeAFall) {
  const AccuracyRule rule;
  EXPECT_EQ(judge_accuracy(rule, 0.94, AlertState::ok, seen_of(60, 50, 2900)).state, AlertState::ok);
  EXPECT_EQ(judge_accuracy(rule, 0.94, AlertState::ok, seen_of(60, 57, 3100)).state, AlertState::ok) << "95 % now";
  EXPECT_EQ(judge_accuracy(rule, 0.94, AlertState::ok, {}).state, AlertState::ok);
  const auto low = judge_accuracy(rule, 0.94, AlertState::ok, seen_of(60, 50, 3100));
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
