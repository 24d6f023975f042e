#include "agent/link/server_clock.hpp"

#include <gtest/gtest.h>

namespace argosy::agent {
namespace {

using namespace std::chrono_literals;

const Instant named = parse_rfc3339("2026-03-01T12:00:00Z").value();
constexpr auto date = "Sun, 01 Mar 2026 12:00:00 GMT";

TEST(ServerClock, ReadsADateAsHttpWritesIt) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), parse_rfc3339("1994-11-06T08:49:37Z").value());
  EXPECT_EQ(parse_http_date(date), named);
  for (const char* other :
       {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 31 Feb 2026 12:00:00 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 08:-9:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, x6 Nov 1994 08:49:37 GMT"})
    EXPECT_FALSE(parse_http_date(other)) << other;
}

TEST(ServerClock, TheOffsetIsThisClockLessTheServers) {
  ServerClock clock;
  EXPECT_FALSE(clock.offset(named));
  clock.heard(date, named + 400ms, named + 600ms);
  EXPECT_EQ(clock.offset(named + 1s), 0ms);
  clock.heard(date, named + 1h + 400ms, named + 1h + 600ms);
  EXPECT_EQ(clock.offset(named + 1h + 1s), 1h);
  clock.heard(date, named - 20s, named - 19s);
  EXPECT_EQ(clock.offset(named), -20s);
}

TEST(ServerClock, WhatIsOldOrSlowOrNoDateTellsNothing) {
  ServerClock clock;
  clock.heard(date, named, named + ServerClock::longest_exchange + 1ms);
  clock.heard("yesterday", named, named);
  clock.heard(date, named, named - 1s);
  EXPECT_FALSE(clock.offset(named));
  clock.heard(date, named, named);
  EXPECT_TRUE(clock.offset(named + ServerClock::good_for));
  EXPECT_FALSE(clock.offset(named + ServerClock::good_for + 1ms));
  EXPECT_FALSE(clock.offset(named - 1s));  // this clock was set
}

}  // namespace
}  // namespace argosy::agent
