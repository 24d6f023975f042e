#include "agent/telemetry/look_pace.hpp"

#include <gtest/gtest.h>

namespace argosy::agent {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

constexpr LookPace::Clock::time_point first_look{};

TEST(LookPace, WatchesWhileLittleComes) {
  LookPace pace(200);
  EXPECT_FALSE(pace.after(1, first_look));
  EXPECT_FALSE(pace.after(1, first_look + 50ms));
  EXPECT_FALSE(pace.after(1, first_look + 1s));
}

TEST(LookPace, RestsWhileMuchComesAndWatchesAgainWhenItEnds) {
  LookPace pace(200);
  EXPECT_FALSE(pace.after(1, first_look));
  EXPECT_EQ(pace.after(1, first_look + 200us), microseconds(10'000));  // 5,000 a second: 50 in the next rest
  EXPECT_EQ(pace.after(50, first_look + 10'200us), microseconds(10'000));
  EXPECT_FALSE(pace.after(0, first_look + 20'200us));
}

TEST(LookPace, TheFasterTheyComeTheSoonerItLooks) {
  LookPace pace(200);
  EXPECT_FALSE(pace.after(1, first_look));
  EXPECT_EQ(pace.after(2, first_look + 20ms), LookPace::longest_rest);
  EXPECT_EQ(pace.after(200, first_look + 30ms), microseconds(2'500));
  EXPECT_EQ(pace.after(200, first_look + 31ms), LookPace::shortest_rest);
}

TEST(LookPace, ASmallQueueIsAlwaysWatched) {
  LookPace pace(10);
  EXPECT_FALSE(pace.after(1, first_look));
  EXPECT_FALSE(pace.after(10, first_look + 1ms));
}

}  // namespace
}  // namespace argosy::agent
