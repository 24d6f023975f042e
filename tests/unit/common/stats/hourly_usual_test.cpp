#include "common/stats/hourly_usual.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "common/base/random.hpp"

namespace argosy {
namespace {

const Instant monday = parse_rfc3339("2026-03-02T00:00:00Z").value();
constexpr Duration minute{60'000};
constexpr Duration hour = 60 * minute;
constexpr Duration day = 24 * hour;

// Hours of a day at `quiet` ms, from 9 to 18 o'clock at `busy`.
void learn_day(HourlyUsual& usual, Instant from, double quiet, double busy) {
  for (int i = 0; i < 24 * 12; ++i) {
    const Instant at = from + i * 5 * minute;
    usual.learn(at, std::log(i >= 9 * 12 && i < 18 * 12 ? busy : quiet));
  }
}

double usual_ms(const HourlyUsual& usual, Instant at) {
  const auto ln = usual.ln_at(at);
  return ln ? std::exp(*ln) : 0;
}

TEST(HourlyUsual, KnowsNothingOfAnHourThatNoDayHad) {
  HourlyUsual usual;
  for (int i = 0; i < 60; ++i) usual.learn(monday + i * minute, std::log(10));
  EXPECT_FALSE(usual.ln_at(monday + 90 * minute));
  EXPECT_FALSE(usual.ln_at(monday + 30 * minute)) << "the hour that runs is not over";
  EXPECT_EQ(usual.running(monday + 59 * minute).values, 60u);
  EXPECT_TRUE(usual.running(monday + 59 * minute).is_at);
  EXPECT_FALSE(usual.running(monday + 61 * minute).is_at);
}

TEST(HourlyUsual, TellsTheHoursOfADayApart) {
  HourlyUsual usual;
  for (int i = 0; i < 3; ++i) learn_day(usual, monday + i * day, 20, 80);
  const Instant fourth = monday + 3 * day;
  EXPECT_NEAR(usual_ms(usual, fourth + 3 * hour), 20, 0.2);
  EXPECT_NEAR(usual_ms(usual, fourth + 12 * hour), 80, 0.5);
}

TEST(HourlyUsual, ADayThatBeginsHalfAnHourEarlierIsUsual) {
  HourlyUsual usual;
  learn_day(usual, monday, 20, 80);
  EXPECT_NEAR(usual_ms(usual, monday + day + 8 * hour + 30 * minute), 80, 0.5);
  EXPECT_NEAR(usual_ms(usual, monday + day + 8 * hour + 15 * minute), 20, 0.2);
  EXPECT_NEAR(usual_ms(usual, monday + day + 18 * hour + 10 * minute), 80, 0.5);
}

TEST(HourlyUsual, OneBadDayOfSevenMovesNothing) {
  HourlyUsual usual;
  for (int i = 0; i < 7; ++i) learn_day(usual, monday + i * day, i == 2 ? 500 : 20, 80);
  EXPECT_NEAR(usual_ms(usual, monday + 7 * day + 3 * hour), 20, 0.2);
}

TEST(HourlyUsual, TheSameHourOfLastWeekIsUsualToo) {
  HourlyUsual usual;
  for (int i = 0; i < 7; ++i) learn_day(usual, monday + i * day, 20, i == 5 ? 200 : 80);
  EXPECT_NEAR(usual_ms(usual, monday + 11 * day + 12 * hour), 80, 0.5) << "a Friday";
  EXPECT_NEAR(usual_ms(usual, monday + 12 * day + 12 * hour), 200, 1) << "a Saturday";
}

TEST(HourlyUsual, HoursOfOneOrTwoValuesCountOnceThereAreThree) {
  HourlyUsual usual;
  for (int i = 0; i < 2 * 24; ++i) usual.learn(monday + i * hour, std::log(10));
  EXPECT_FALSE(usual.ln_at(monday + 2 * day));
  for (int i = 2 * 24; i < 4 * 24; ++i) usual.learn(monday + i * hour, std::log(10));
  EXPECT_NEAR(usual_ms(usual, monday + 4 * day), 10, 0.1);
}

TEST(HourlyUsual, OfAWeekendOnlyWeekendsTell) {
  HourlyUsual usual;
  const Instant saturday = monday + 5 * day;
  for (int i = 0; i < 2; ++i) learn_day(usual, saturday + i * day, 20, 20);
  const Instant noon = saturday + 2 * day + 12 * hour;
  EXPECT_FALSE(usual.ln_at(noon)) << "the first Monday";
  EXPECT_NEAR(std::exp(usual.highest().value()), 20, 0.2);
  learn_day(usual, saturday + 2 * day, 20, 80);
  EXPECT_NEAR(usual_ms(usual, noon + day), 80, 0.5) << "however quiet both days before it were";
}

TEST(HourlyUsual, WhenClocksAreSetTheHoursBesideAreUsual) {
  const Instant sunday = parse_rfc3339("2026-03-29T00:00:00Z").value();
  HourlyUsual usual;
  for (int i = 14; i > 0; --i) learn_day(usual, sunday - i * day, 20, 80);
  EXPECT_NEAR(usual_ms(usual, sunday + day + 8 * hour + 5 * minute), 80, 0.5) << "an hour earlier, by UTC";
  EXPECT_NEAR(usual_ms(usual, sunday + day + 6 * hour), 20, 0.2);
  for (const char* at :
       {"2026-03-08T12:00:00Z", "2026-04-04T17:00:00Z", "2026-10-30T00:00:00Z", "2026-11-08T23:00:00Z"})
    EXPECT_TRUE(clocks_changed_lately(parse_rfc3339(at).value())) << at;
  for (const char* at :
       {"2026-03-06T12:00:00Z", "2026-04-13T00:00:00Z", "2026-10-20T00:00:00Z", "2026-12-06T00:00:00Z"})
    EXPECT_FALSE(clocks_changed_lately(parse_rfc3339(at).value())) << at;
}

TEST(HourlyUsual, WhatIsSlowNowDoesNotMakeItselfUsual) {
  HourlyUsual usual;
  for (int i = 0; i < 3; ++i) learn_day(usual, monday + i * day, 20, 20);
  const double ln_sigma = usual.ln_sigma();
  const Instant fourth = monday + 3 * day;
  for (int i = 0; i < 36; ++i) usual.learn(fourth + i * 5 * minute, std::log(38));
  EXPECT_NEAR(usual_ms(usual, fourth + 3 * hour + 5 * minute), 20, 0.2) << "nor of the hour that follows";
  EXPECT_LT(usual.ln_sigma(), 1.15 * ln_sigma);
}

TEST(HourlyUsual, ItsSigmaIsThatOfTheNoise) {
  for (const double sigma : {0.02, 0.1, 0.3}) {
    Rng random(7);
    HourlyUsual usual;
    for (int i = 0; i < 3 * 24 * 60; ++i) usual.learn(monday + i * minute, 3 + sigma * random.normal());
    EXPECT_NEAR(usual.ln_sigma(), sigma, 0.25 * sigma) << sigma;
  }
}

TEST(HourlyUsual, ComesBackAsItWasPacked) {
  Rng random(11);
  HourlyUsual usual;
  EXPECT_EQ(HourlyUsual::unpack(usual.pack()), usual);
  for (int i = 0; i < 8 * 24 * 12; ++i) {
    if (i % (24 * 12) == 40) i += 36;  // three hours without a value
    usual.learn(monday + i * 5 * minute, 3 + 0.3 * random.normal());
    if (i % 500 < 5) {
      EXPECT_EQ(HourlyUsual::unpack(usual.pack()), usual);
    }
  }
  EXPECT_LT(usual.pack().size(), 300u);
}

TEST(HourlyUsual, OfBytesThatAreCutShortItTakesWhatIsThere) {
  HourlyUsual usual;
  for (int i = 0; i < 2; ++i) learn_day(usual, monday + i * day, 20, 80);
  const auto whole = usual.pack();
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_LE(HourlyUsual::unpack(ByteView(whole).first(length)).hours_known(), usual.hours_known());
}

}  // namespace
}  // namespace argosy
