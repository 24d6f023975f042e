#include "server/rules/rule_progress.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "common/base/random.hpp"

namespace argosy::server {
namespace {

using Stage = RuleProgress::Stage;

const Instant start = parse_rfc3339("2026-03-02T00:00:00Z").value();
constexpr Duration minute{60'000};
constexpr Duration hour = 60 * minute;

double hours_of(Duration span) {
  return std::chrono::duration<double, std::ratio<3600>>(span).count();
}

Rule rule_with(RuleCondition condition, Duration lasts = Duration{0}) {
  Rule rule;
  rule.metric = "latency_p95";
  rule.condition = condition;
  rule.lasts = lasts;
  return rule;
}

// Feeds figures as they come, each from a progress that was packed meanwhile.
class Fed {
 public:
  explicit Fed(Rule rule) : rule_(std::move(rule)) {}
  Stage feed(Duration after_start, double value, std::uint64_t samples = 1000) {
    auto progress = RuleProgress::unpack(packed_);
    verdict_ = judge_figure(rule_, progress, {start + after_start, value, samples});
    packed_ = progress.pack();
    return verdict_.stage;
  }
  const RuleVerdict& verdict() const { return verdict_; }
  RuleProgress progress() const { return RuleProgress::unpack(packed_); }

 private:
  Rule rule_;
  Bytes packed_;
  RuleVerdict verdict_;
};

TEST(Threshold, FiresAtItsFigureAndEndsAtTheOther) {
  Fed hot(rule_with(Threshold{true, 90, 80}));
  EXPECT_EQ(hot.feed(0 * minute, 89.9), Stage::calm);
  EXPECT_EQ(hot.feed(1 * minute, 90), Stage::firing);
  EXPECT_EQ(hot.feed(2 * minute, 80.1), Stage::firing) << "between the two it stays";
  EXPECT_EQ(hot.feed(3 * minute, 80), Stage::calm);
  EXPECT_EQ(hot.feed(4 * minute, 89), Stage::calm);
}

TEST(Threshold, BelowIsTheSameUpsideDown) {
  Fed low(rule_with(Threshold{false, 10, 20}));
  EXPECT_EQ(low.feed(0 * minute, 11), Stage::calm);
  EXPECT_EQ(low.feed(1 * minute, 10), Stage::firing);
  EXPECT_EQ(low.feed(2 * minute, 19), Stage::firing);
  EXPECT_EQ(low.feed(3 * minute, 20), Stage::calm);
}

TEST(Threshold, WithOneFigureForBothItEndsRightBelow) {
  Fed off(rule_with(Threshold{true, 1, 1}));
  EXPECT_EQ(off.feed(0 * minute, 1), Stage::firing);
  EXPECT_EQ(off.feed(1 * minute, 1), Stage::firing);
  EXPECT_EQ(off.feed(2 * minute, 0.99), Stage::calm);
}

TEST(Threshold, HasToLast) {
  Fed hot(rule_with(Threshold{true, 90, 80}, 5 * minute));
  EXPECT_EQ(hot.feed(0 * minute, 95), Stage::waiting);
  EXPECT_EQ(hot.feed(4 * minute, 95), Stage::waiting);
  EXPECT_EQ(hot.feed(5 * minute - Duration{1}, 85), Stage::calm) << "once under it, the time begins anew";
  EXPECT_EQ(hot.feed(6 * minute, 95), Stage::waiting);
  EXPECT_EQ(hot.feed(11 * minute, 95), Stage::firing);
}

TEST(Threshold, ANumberThatIsNoneChangesNothing) {
  Fed hot(rule_with(Threshold{true, 90, 80}));
  hot.feed(0 * minute, 95);
  EXPECT_EQ(hot.feed(1 * minute, std::nan("")), Stage::firing);
}

TEST(TrendRule, ADiskThatFillsSteadilyFiresTwoDaysAhead) {
  Fed disk(rule_with(Trend{0, 48}));
  Duration fired{0};
  for (Duration at{0}; at < 100 * hour && fired == Duration{0}; at += 10 * minute) {
    if (disk.feed(at, 10'000 - 100 * hours_of(at)) == Stage::firing) fired = at;
  }
  EXPECT_NEAR(hours_of(fired), 52, 3) << "it is full after 100 hours";
  EXPECT_LT(disk.verdict().value, 48.5);
}

TEST(TrendRule, IsOverWhenSpaceWasMade) {
  Fed disk(rule_with(Trend{0, 48}));
  Stage stage = Stage::calm;
  for (int i = 0; i < 90 * 6; ++i) stage = disk.feed(i * 10 * minute, 9'000 - 100 * i / 6.0);
  ASSERT_EQ(stage, Stage::firing);
  for (int i = 90 * 6; i < 130 * 6; ++i) stage = disk.feed(i * 10 * minute, 9'000);
  EXPECT_EQ(stage, Stage::calm);
}

TEST(TrendRule, NoiseAndAWheelOfLogsNeverFire) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Rng random(seed);
    Fed disk(rule_with(Trend{0, 48}));
    for (int i = 0; i < 30 * 24; ++i) {
      const double log_files = 400.0 * (i % 24) / 24;  // rotated each night
      ASSERT_NE(disk.feed(i * hour, 3'000 - log_files + 50 * random.normal()), Stage::firing) << seed << " hour " << i;
    }
  }
}

TEST(TrendRule, SaysNothingOfAFewHours) {
  Fed disk(rule_with(Trend{0, 48}));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(disk.feed(i * hour, 1'000 - 40 * i), Stage::calm) << i;
}

TEST(AgainstUsualRule, IsThatOfLatencyDoubled) {
  Fed latency(rule_with(AgainstUsual{3, 6, 1.5}));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(latency.feed(i * minute, 10), Stage::calm);
  EXPECT_EQ(latency.feed(20 * minute, 25), Stage::calm) << "under three times the usual";
  EXPECT_EQ(latency.feed(21 * minute, 35), Stage::waiting);
  EXPECT_EQ(latency.feed(22 * minute, 35), Stage::firing);
  EXPECT_EQ(latency.feed(23 * minute, 10, 2), Stage::firing) << "two inferences say nothing";
}

Rule usual_of(const char* metric, AgainstUsual usual) {
  Rule rule = rule_with(usual);
  rule.metric = metric;
  return rule;
}

TEST(AgainstUsualRule, KnowsTheHoursOfTheDayOfAnyFigure) {
  AgainstUsual usual;
  usual.least_change = 5;
  Fed busy(usual_of("health.cpu_percent", usual));
  const auto load = [](int i) { return 27 - 17 * std::cos(i * 6.2832 / 1440); };  // nights and days, a sample a minute
  for (int i = 0; i < 3 * 1440; ++i) ASSERT_NE(busy.feed(i * minute, load(i), 1), Stage::firing) << i;
  const int night = 3 * 1440 + 120;
  EXPECT_EQ(busy.feed(night * minute, 45, 1), Stage::waiting) << "usual by day, and not by night";
  EXPECT_EQ(busy.feed((night + 1) * minute, 45, 1), Stage::firing);
  EXPECT_LT(busy.verdict().threshold, 45);
}

TEST(AgainstUsualRule, OfNextToNothingTheLeastChangeCounts) {
  AgainstUsual usual;
  usual.least_change = 0.05;
  Fed errors(usual_of("error_rate", usual));
  for (int i = 0; i < 200; ++i) ASSERT_EQ(errors.feed(i * minute, i % 7 == 0 ? 0.002 : 0, 50), Stage::calm) << i;
  for (int i = 200; i < 210; ++i) ASSERT_EQ(errors.feed(i * minute, 0.03, 50), Stage::calm) << "thirty times as many";
  errors.feed(210 * minute, 0.3, 50);
  EXPECT_EQ(errors.feed(211 * minute, 0.3, 50), Stage::firing);
}

TEST(AgainstUsualRule, FiresOnLessWhereThatIsAsked) {
  AgainstUsual usual;
  usual.least_change = 1;
  usual.is_above = false;
  Fed slow(usual_of("throughput", usual));
  for (int i = 0; i < 100; ++i) ASSERT_EQ(slow.feed(i * minute, 30), Stage::calm);
  EXPECT_EQ(slow.feed(100 * minute, 90), Stage::calm) << "more is well";
  slow.feed(101 * minute, 10);
  EXPECT_EQ(slow.feed(102 * minute, 10), Stage::firing);
  EXPECT_DOUBLE_EQ(slow.verdict().value, 10);
  EXPECT_NEAR(slow.verdict().threshold, 14.5, 2) << "half of what is usual";
}

TEST(RuleProgress, WhatWasLearnedOfAnotherFigureIsForgotten) {
  AgainstUsual usual;
  usual.least_change = 1;
  Rule rule = usual_of("throughput", usual);
  RuleProgress progress;
  for (int i = 0; i < 100; ++i) judge_figure(rule, progress, {start + i * minute, 30});
  rule.metric = "numbers.queue";
  EXPECT_EQ(judge_figure(rule, progress, {start + 100 * minute, 3000}).stage, Stage::calm);
  EXPECT_EQ(judge_figure(rule, progress, {start + 101 * minute, 3000}).stage, Stage::calm);
}

TEST(RuleProgress, ComesBackAsItWasPacked) {
  Fed disk(rule_with(Trend{0, 24}));
  for (int i = 0; i < 40; ++i) disk.feed(i * hour, 900 - 7.25 * i);
  const auto progress = disk.progress();
  EXPECT_TRUE(progress.has_learned());
  EXPECT_LT(progress.pack().size(), 250u);
  EXPECT_EQ(RuleProgress::unpack(progress.pack()).trend, progress.trend);
  EXPECT_TRUE(RuleProgress{}.is_blank());
  EXPECT_TRUE(RuleProgress::unpack({}).is_blank());
}

TEST(RuleProgress, RemembersHowOftenSingleFiguresAreHigh) {
  Fed latency(rule_with(AgainstUsual{}));
  for (int i = 0; i < 600; ++i) latency.feed(i * minute, i % 50 == 49 ? 200 : 20);
  EXPECT_NEAR(latency.progress().usual->baseline.high_share, 0.02, 0.01);
}

TEST(RuleProgress, OfBytesThatAreCutShortItTakesWhatIsThere) {
  Fed latency(rule_with(AgainstUsual{}));
  for (int i = 0; i < 100; ++i) latency.feed(i * minute, 10);
  const auto whole = latency.progress().pack();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    auto progress = RuleProgress::unpack(ByteView(whole).first(length));
    EXPECT_LE(progress.usual ? progress.usual->recent.size() : 0, 10u);
    judge_figure(rule_with(AgainstUsual{}), progress, {start + 200 * minute, 10, 100});
  }
}

}  // namespace
}  // namespace argosy::server
