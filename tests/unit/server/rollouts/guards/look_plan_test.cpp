#include "server/rollouts/guards/look_plan.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using std::chrono::seconds;

const Instant looked_at = instant_from_ms(1'800'000'000'000);
const LookTiming timing{.length = seconds(300), .longest = seconds(86400), .dwell_is_over = false};

TEST(LookPlan, LooksComeAtOneTwoFourEightLengths) {
  LooksTaken taken;
  std::vector<std::int64_t> minutes;
  for (int minute = 1; minute <= 100; ++minute) {
    const auto look = due_look(taken, 0, seconds(60 * minute), timing);
    if (!look) continue;
    minutes.push_back(minute);
    taken = taken_with(*look, looked_at);
  }
  EXPECT_EQ(minutes, (std::vector<std::int64_t>{5, 10, 20, 40, 80}));
  EXPECT_EQ(taken.number, 5);
  EXPECT_EQ(taken.shares_of_dwell.size(), 5U);
}

TEST(LookPlan, WhatWasMissedIsNotMadeUpFor) {
  const auto look = due_look({}, 0, seconds(300 * 9), timing);
  ASSERT_TRUE(look);
  EXPECT_EQ(look->in_wave, 4);
  EXPECT_EQ(look->number, 1) << "only what was looked at is spent";
  EXPECT_FALSE(due_look(taken_with(*look, looked_at), 0, seconds(300 * 15), timing));
}

TEST(LookPlan, EachWaveBeginsAnewAndTheNumberGoesOn) {
  const auto first = due_look({}, 0, seconds(1200), timing);
  const auto next = due_look(taken_with(*first, looked_at), 1, seconds(300), timing);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->number, 2);
  EXPECT_EQ(next->in_wave, 1);
  EXPECT_EQ(next->shares_of_dwell, (std::vector<double>{300.0 / 86400}));
}

TEST(LookPlan, TheLongestDwellHasALookOfItsOwnAndItIsTheLast) {
  auto over = timing;
  over.dwell_is_over = true;
  const auto last =
      due_look({.number = 3, .wave = 0, .in_wave = 3, .shares_of_dwell = {0.1, 0.2, 0.9}}, 0, seconds(0), over);
  ASSERT_TRUE(last);
  EXPECT_TRUE(last->is_final);
  EXPECT_EQ(last->shares_of_dwell.back(), 1);
  EXPECT_FALSE(due_look(taken_with(*last, looked_at), 0, seconds(1'000'000), over));
}

// An operator had the paused rollout go on: its bake began anew.
TEST(LookPlan, AnotherDwellHasLooksAgainButNothingIsLeftForTheEnd) {
  const LooksTaken taken{
      .number = 4, .wave = 0, .in_wave = 4, .shares_of_dwell = {0.5, 1}, .is_final = true, .at = looked_at};
  auto again = timing;
  again.dwell_began_at = looked_at + seconds(60);
  const auto look = due_look(taken, 0, seconds(300 * 16), again);
  ASSERT_TRUE(look);
  EXPECT_TRUE(look->is_overtime);
  EXPECT_EQ(look->number, 5);
  EXPECT_EQ(look->in_wave, 5);
  EXPECT_EQ(look->shares_of_dwell, taken.shares_of_dwell);
  again.dwell_is_over = true;
  const auto last = due_look(taken_with(*look, looked_at + seconds(120)), 0, seconds(300 * 16), again);
  ASSERT_TRUE(last);
  EXPECT_TRUE(last->is_final && last->is_overtime);
  EXPECT_FALSE(due_look(taken_with(*last, looked_at + seconds(180)), 0, seconds(300 * 99), again));
}

TEST(LookPlan, SharesOfTheDwellAscendWhateverTheTimes) {
  LooksTaken taken;
  const LookTiming hurried{.length = seconds(1), .longest = seconds(2)};
  for (int i = 0; i < 20; ++i) {
    const auto look = due_look(taken, 0, seconds(1LL << i), hurried);
    ASSERT_TRUE(look);
    EXPECT_TRUE(taken.shares_of_dwell.empty() || look->shares_of_dwell.back() > taken.shares_of_dwell.back());
    EXPECT_LT(look->shares_of_dwell.back(), 1);
    taken = taken_with(*look, looked_at);
  }
}

// A model's first release, or a fleet that reports no inferences: nobody is kept waiting for what never comes.
TEST(LookPlan, WithoutAnyPastTheOnlyLookIsTakenAtOnce) {
  auto first_release = timing;
  first_release.has_no_past = true;
  const auto look = due_look({}, 0, seconds(0), first_release);
  ASSERT_TRUE(look);
  EXPECT_TRUE(look->is_final);
  EXPECT_FALSE(due_look(taken_with(*look, looked_at), 0, seconds(3000), first_release));
}

// A release that kills every canary leaves no exposure at all.
TEST(LookPlan, CanariesThatAllFellSilentAreWatchedByTheClock) {
  const auto ends = looked_at + seconds(1500);
  EXPECT_EQ(watched_for(seconds(0), looked_at, seconds(900), ends), seconds(600));
  EXPECT_EQ(watched_for(seconds(1200), looked_at, seconds(900), ends), seconds(1200));
  EXPECT_EQ(watched_for(seconds(0), std::nullopt, seconds(900), ends), seconds(0));
  EXPECT_EQ(watched_for(seconds(0), looked_at, seconds(9000), ends), seconds(0));
}

TEST(LookPlan, NothingIsDueBeforeTheFirstLength) {
  EXPECT_FALSE(due_look({}, 0, seconds(299), timing));
}

}  // namespace
}  // namespace argosy::server
