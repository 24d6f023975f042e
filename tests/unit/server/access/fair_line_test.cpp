#include "server/access/fair_line.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

TEST(FairLine, KeysTakeTurns) {
  FairLine<int> line(10);
  for (const int item : {1, 2, 3}) EXPECT_FALSE(line.push("greedy", item));
  EXPECT_FALSE(line.push("modest", 10));
  EXPECT_EQ(line.pop(), 1);
  EXPECT_EQ(line.pop(), 10);
  EXPECT_EQ(line.pop(), 2);
  EXPECT_EQ(line.pop(), 3);
  EXPECT_EQ(line.pop(), std::nullopt);
}

TEST(FairLine, WhenFullTheGreedyGiveWay) {
  FairLine<int> line(3);
  for (const int item : {1, 2, 3}) line.push("greedy", item);
  EXPECT_EQ(line.push("greedy", 4), 4) << "not the ones that wait already";
  EXPECT_EQ(line.push("modest", 10), 3);
  EXPECT_EQ(line.size(), 3U);
}

TEST(FairLine, WhenAllAreModestTheNewestIsTurnedAway) {
  FairLine<int> line(2);
  line.push("a", 1);
  line.push("b", 2);
  EXPECT_EQ(line.push("c", 3), 3);
}

}  // namespace
}  // namespace argosy::server
