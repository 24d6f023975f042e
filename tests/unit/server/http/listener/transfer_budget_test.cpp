#include "server/http/transfer_budget.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TransferBudget::Limits limits{.grace = seconds(10), .bytes_per_s = 1000};
constexpr TransferBudget::Clock::time_point start{seconds(100)};

TEST(TransferBudgetTest, BeginsWithTheGrace) {
  EXPECT_EQ(TransferBudget(limits, start).deadline(), start + seconds(10));
}

TEST(TransferBudgetTest, WhatHasComeBuysTimeAtTheLeastRate) {
  TransferBudget budget(limits, start);
  budget.add(1500);
  EXPECT_EQ(budget.deadline(), start + seconds(10) + milliseconds(1500));
}

TEST(TransferBudgetTest, AByteNowAndThenBuysNothing) {
  TransferBudget budget(limits, start);
  for (int i = 0; i < 100; ++i) budget.add(1);
  EXPECT_LT(budget.deadline(), start + seconds(11));
}

TEST(TransferBudgetTest, TheLargestBodyDoesNotOverflow) {
  TransferBudget budget(limits, start);
  budget.add(std::uint64_t{1} << 53);
  EXPECT_GT(budget.deadline(), start + std::chrono::hours(24 * 365));
}

}  // namespace
}  // namespace argosy::server
