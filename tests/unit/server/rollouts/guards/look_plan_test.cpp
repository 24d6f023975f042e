#include "server/rollouts/guards/look_plan.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using std::chrono::seconds;

constexpr LookTiming timing{.length = seconds(300), .longest = seconds(86400), .dwell_is_over = false};

TEST(LookPlan, LooksComeAtOneTwoFourEightLengths) {
  LooksTaken taken;
  std::vector<std::int64_t> minutes;
  for (int minute = 1; minute <= 100; ++minute) {
    const auto look = due_look(taken, 0, seconds(60 * minute), timing);
    if (!look) continue;
    minutes.push_back(minute);
    taken = taken_with(*look);
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
  EXPECT_FALSE(due_look(taken_with(*look), 0, seconds(300 * 15), timing));
}

TEST(LookPlan, EachWaveBeginsAnewAndTheNumberGoesOn) {
  const auto first = due_look({}, 0, seconds(1200), timing);
  const auto next = due_look(taken_with(*first), 1, seconds(300), timing);
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
  EXPECT_FALSE(due_look(taken_with(*last), 0, seconds(1'000'000), over));
}

TEST(LookPlan, SharesOfTheDwellAscendWhateverTheTimes) {
  LooksTaken taken;
  const LookTiming hurried{.length = seconds(1), .longest = seconds(2)};
  for (int i = 0; i < 20; ++i) {
    const auto look = due_look(taken, 0, seconds(1LL << i), hurried);
    ASSERT_TRUE(look);
    EXPECT_TRUE(taken.shares_of_dwell.empty() || look->shares_of_dwell.back() > taken.shares_of_dwell.back());
    EXPECT_LT(look->shares_of_dwell.back(), 1);
    taken = taken_with(*look);
  }
}

TEST(LookPlan, NothingIsDueBeforeTheFirstLength) {
  EXPECT_FALSE(due_look({}, 0, seconds(299), timing));
}

}  // namespace
}  // namespace argosy::server
