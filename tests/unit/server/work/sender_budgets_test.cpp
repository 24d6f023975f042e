#include "server/work/sender_budgets.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

const SenderBudgets::Time start{1h};

SenderBudgets budgets(std::size_t senders = 100'000) {
  return SenderBudgets(
      {.messages_per_s = 10, .messages_burst = 5, .bytes_per_s = 100, .bytes_burst = 1000, .senders = senders});
}

TEST(SenderBudgets, ABurstAndThenARate) {
  auto spent = budgets();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(spent.spend("a", 1, start));
  EXPECT_FALSE(spent.spend("a", 1, start));
  EXPECT_TRUE(spent.spend("b", 1, start));
  EXPECT_TRUE(spent.spend("a", 1, start + 100ms));
  EXPECT_FALSE(spent.spend("a", 1, start + 150ms));
}

TEST(SenderBudgets, WhatIsRefusedCostsNothing) {
  auto spent = budgets();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(spent.spend("a", 1001, start));
  EXPECT_TRUE(spent.spend("a", 1000, start));
  EXPECT_FALSE(spent.spend("a", 1, start));
}

TEST(SenderBudgets, AClockThatGoesBackGivesNothing) {
  auto spent = budgets();
  for (int i = 0; i < 5; ++i) spent.spend("a", 1, start);
  EXPECT_FALSE(spent.spend("a", 1, start - 30min));
}

TEST(SenderBudgets, ForgetsThoseWhoseBucketsAreFullAgain) {
  auto spent = budgets();
  for (int i = 0; i < 10'000; ++i) spent.spend("cam-" + std::to_string(i), 1, start + i * 1ms);
  EXPECT_LE(spent.senders(), 200u);
}

TEST(SenderBudgets, NeverKnowsMoreThanItsLimit) {
  auto spent = budgets(100);
  for (int i = 0; i < 10'000; ++i) spent.spend("cam-" + std::to_string(i), 1000, start);
  EXPECT_LE(spent.senders(), 100u);
}

}  // namespace
}  // namespace argosy::server
