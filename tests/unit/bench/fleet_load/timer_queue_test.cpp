#include "tests/bench/fleet_load/timer_queue.hpp"

#include <gtest/gtest.h>

namespace argosy::fleet_load {
namespace {

TEST(TimerQueue, GivesWhatIsDueInTheOrderOfTime) {
  TimerQueue<char> queue;
  EXPECT_FALSE(queue.next_at());
  queue.add(30, 'c', 3);
  queue.add(10, 'a', 1);
  queue.add(20, 'b', 2);
  EXPECT_EQ(queue.next_at(), 10);
  EXPECT_EQ(queue.take_due(20)->kind, 'a');
  EXPECT_EQ(queue.take_due(20)->index, 2U);
  EXPECT_FALSE(queue.take_due(20));
  EXPECT_EQ(queue.next_at(), 30);
}

}  // namespace
}  // namespace argosy::fleet_load
