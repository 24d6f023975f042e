#include "agent/update/time_windows.hpp"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "agent/update/local_clock.hpp"

namespace argosy::agent {
namespace {

using namespace std::chrono_literals;

Instant at(const std::string& rfc3339) {
  return parse_rfc3339(rfc3339).value();
}

TimeWindows windows(const std::vector<std::string>& texts) {
  return TimeWindows::parse(texts).value();
}

std::string complaint(const std::string& text) {
  const auto parsed = TimeWindows::parse({text});
  return parsed ? "" : parsed.error().message;
}

// The device stands in Berlin: its clock goes forward on 2026-03-29 at 02:00 and back on 2026-10-25 at 03:00.
class InBerlin : public testing::Test {
 protected:
  InBerlin() {
    if (const char* zone = std::getenv("TZ")) before_ = zone;
    ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    clock_ = system_clock_on_the_wall();
  }
  ~InBerlin() override {
    before_.empty() ? ::unsetenv("TZ") : ::setenv("TZ", before_.c_str(), 1);
    ::tzset();
  }
  bool open(const TimeWindows& windows, const std::string& when) const { return windows.open_at(clock_(at(when))); }
  std::string next(const TimeWindows& windows, const std::string& now) const {
    const auto opening = windows.next_opening(at(now), clock_);
    return opening ? to_rfc3339(*opening) : "never";
  }
  LocalClock clock_;

 private:
  std::string before_;
};

TEST_F(InBerlin, TheWallShowsLocalTime) {
  EXPECT_EQ(clock_(at("1970-01-01T00:00:00Z")), (LocalTime{0, 60}));
  EXPECT_EQ(clock_(at("2026-07-01T22:30:00Z")), (LocalTime{20636, 30}));
  EXPECT_EQ(clock_(at("2026-01-01T12:00:00Z")).minute, 13 * 60);
}

TEST_F(InBerlin, NoWindowsAreOpenAlways) {
  EXPECT_TRUE(windows({}).always());
  EXPECT_TRUE(open(windows({}), "2026-11-23T12:00:00Z"));
}

TEST_F(InBerlin, EveryDayFromItsFirstMinuteToTheOneBeforeItsEnd) {
  const TimeWindows night = windows({"01:00-04:00"});
  EXPECT_FALSE(open(night, "2026-11-22T23:59:59Z"));
  EXPECT_TRUE(open(night, "2026-11-23T00:00:00Z"));
  EXPECT_TRUE(open(night, "2026-11-23T02:59:59Z"));
  EXPECT_FALSE(open(night, "2026-11-23T03:00:00Z"));
}

TEST_F(InBerlin, DaysAreOneASpanOrAList) {
  const TimeWindows weekdays = windows({"Mon-Fri 12:00-13:00"});
  EXPECT_TRUE(open(weekdays, "2026-11-23T11:30:00Z"));   // a Monday
  EXPECT_TRUE(open(weekdays, "2026-11-27T11:30:00Z"));   // a Friday
  EXPECT_FALSE(open(weekdays, "2026-11-28T11:30:00Z"));  // a Saturday
  const TimeWindows weekend = windows({"Sat,Sun 00:00-24:00"});
  EXPECT_TRUE(open(weekend, "2026-11-28T22:59:00Z"));
  EXPECT_FALSE(open(weekend, "2026-11-27T22:59:00Z"));
  EXPECT_TRUE(open(windows({"Sat-Mon 12:00-13:00"}), "2026-11-22T11:30:00Z"));  // over the week's end
  EXPECT_FALSE(open(windows({"Sat-Mon 12:00-13:00"}), "2026-11-24T11:30:00Z"));
}

TEST_F(InBerlin, OverMidnightBelongsToTheDayOnWhichItBegins) {
  const TimeWindows friday = windows({"Fri 22:00-02:00"});
  EXPECT_FALSE(open(friday, "2026-11-26T23:30:00Z"));  // 00:30 on Friday
  EXPECT_TRUE(open(friday, "2026-11-27T21:00:00Z"));
  EXPECT_TRUE(open(friday, "2026-11-28T00:30:00Z"));  // 01:30 on Saturday
  EXPECT_FALSE(open(friday, "2026-11-28T01:00:00Z"));
}

TEST_F(InBerlin, NextOpeningIsTheNearestOfAll) {
  const TimeWindows two = windows({"Sun 04:00-05:00", "Mon-Fri 22:00-23:00"});
  EXPECT_EQ(next(two, "2026-11-23T20:59:30Z"), "2026-11-23T21:00:00.000Z");
  EXPECT_EQ(next(two, "2026-11-27T22:00:00Z"), "2026-11-29T03:00:00.000Z");
}

TEST_F(InBerlin, HourThatIsSkippedInSpringNeverComes) {
  const TimeWindows lost = windows({"Sun 02:00-03:00"});
  EXPECT_FALSE(open(lost, "2026-03-29T00:59:00Z"));  // 01:59, and a minute later it is 03:00
  EXPECT_FALSE(open(lost, "2026-03-29T01:00:00Z"));
  EXPECT_EQ(next(lost, "2026-03-28T12:00:00Z"), "2026-04-05T00:00:00.000Z");
  EXPECT_EQ(next(windows({"01:30-03:30"}), "2026-03-28T12:00:00Z"), "2026-03-29T00:30:00.000Z");
}

TEST_F(InBerlin, HourThatIsRepeatedInAutumnIsOpenTwice) {
  const TimeWindows twice = windows({"02:00-03:00"});
  EXPECT_TRUE(open(twice, "2026-10-25T00:30:00Z"));
  EXPECT_TRUE(open(twice, "2026-10-25T01:30:00Z"));
  EXPECT_FALSE(open(twice, "2026-10-25T02:00:00Z"));
}

TEST_F(InBerlin, MidnightIsWhereTheDateChanges) {
  EXPECT_EQ(to_rfc3339(next_midnight(at("2026-11-23T12:00:00Z"), clock_)), "2026-11-23T23:00:00.000Z");
  EXPECT_EQ(to_rfc3339(next_midnight(at("2026-10-24T22:00:00Z"), clock_)), "2026-10-25T23:00:00.000Z");  // 25 hours
  EXPECT_EQ(to_rfc3339(next_midnight(at("2026-03-28T23:00:00Z"), clock_)), "2026-03-29T22:00:00.000Z");  // 23 hours
}

TEST(TimeWindows, WrongOnesAreNamed) {
  for (const std::string text : {"", "1:00-4:00", "01:00", "01:00-25:00", "01:60-02:00", "01:00-01:00", "24:00-01:00",
                                 "Mon", "Mon-Fry 01:00-02:00", "mon 01:00-02:00", "Mon-Fri", "Mon, 01:00-02:00",
                                 "Mon  01:00-02:00", "01:00-02:00 Mon", "01.00-02.00", "-1:00-02:00"}) {
    EXPECT_NE(complaint(text).find("has '" + text + "'; a window looks like"), std::string::npos) << text;
  }
  EXPECT_EQ(TimeWindows::parse(std::vector<std::string>(33, "01:00-02:00")).error().message,
            "has 33 windows; the limit is 32");
}

}  // namespace
}  // namespace argosy::agent
