#include "server/http/connection_budget.hpp"

#include <random>

#include <gtest/gtest.h>

#include "server/http/client_address.hpp"

namespace argosy::server {
namespace {

using Id = ConnectionBudget::Id;

constexpr ConnectionBudget::Limits small{.connections = 8, .unsigned_per_address = 3, .per_peer = 2, .reserve = 3};

Id admitted(ConnectionBudget& budget, const std::string& address) {
  return budget.admit(address).value().id;
}

TEST(ConnectionBudgetTest, StrangersOfOneAddressMakeRoomForEachOtherTheOldestFirst) {
  ConnectionBudget budget(small);
  const Id oldest = admitted(budget, "192.0.2.1");
  admitted(budget, "192.0.2.1");
  admitted(budget, "192.0.2.1");
  const auto fourth = budget.admit("192.0.2.1");
  EXPECT_EQ(fourth->evicted, oldest);
  EXPECT_EQ(budget.size(), 3U);
  EXPECT_EQ(budget.counters().evicted, 1U);
}

TEST(ConnectionBudgetTest, WhoHoldsMostGivesWayWhenStrangersRunOut) {
  ConnectionBudget budget(small);
  const Id greedy = admitted(budget, "192.0.2.1");
  admitted(budget, "192.0.2.2");
  admitted(budget, "192.0.2.1");
  admitted(budget, "192.0.2.3");
  admitted(budget, "192.0.2.1");
  EXPECT_EQ(budget.admit("192.0.2.4")->evicted, greedy);
}

TEST(ConnectionBudgetTest, StrangersNeverReachTheReserve) {
  ConnectionBudget budget(small);
  for (int i = 0; i < 100; ++i) admitted(budget, "192.0.2." + std::to_string(i));
  EXPECT_EQ(budget.strangers(), small.connections - small.reserve);
}

TEST(ConnectionBudgetTest, WhoHasSignedIsNotEvictedForAStranger) {
  ConnectionBudget budget(small);
  for (const char* peer : {"a", "b", "c", "d", "e", "f", "g", "h"}) {
    EXPECT_EQ(budget.sign(admitted(budget, "192.0.2.1"), peer), std::nullopt);
  }
  EXPECT_FALSE(budget.admit("192.0.2.9").has_value());
  EXPECT_EQ(budget.counters().turned_away, 1U);
}

TEST(ConnectionBudgetTest, APeerHoldsOnlyItsOwnShare) {
  ConnectionBudget budget(small);
  const Id first = admitted(budget, "192.0.2.1");
  budget.sign(first, "device:cam-7");
  budget.sign(admitted(budget, "192.0.2.1"), "device:cam-7");
  EXPECT_EQ(budget.sign(admitted(budget, "198.51.100.4"), "device:cam-7"), first);
  EXPECT_EQ(budget.sign(admitted(budget, "192.0.2.1"), "device:cam-8"), std::nullopt);
}

TEST(ConnectionBudgetTest, WhoseCredentialsAreRefusedIsAStrangerAgain) {
  ConnectionBudget budget(small);
  const Id one = admitted(budget, "192.0.2.1");
  budget.sign(one, "user:ada");
  EXPECT_TRUE(budget.is_signed(one));
  EXPECT_EQ(budget.strangers(), 0U);
  budget.unsign(one);
  EXPECT_FALSE(budget.is_signed(one));
  EXPECT_EQ(budget.strangers(), 1U);
}

TEST(ConnectionBudgetTest, OneNetworkOfVersionSixIsOneAddress) {
  EXPECT_EQ(address_group("2001:db8:1:2:3:4:5:6"), address_group("2001:db8:1:2::1"));
  EXPECT_NE(address_group("2001:db8:1:2::1"), address_group("2001:db8:1:3::1"));
  EXPECT_EQ(address_group("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(address_group("192.0.2.1"), "192.0.2.1");
}

TEST(ConnectionBudgetTest, BooksBalanceWhateverHappens) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 rng(seed);
  ConnectionBudget budget(small);
  std::set<Id> open;
  const auto any = [&] { return *std::next(open.begin(), static_cast<std::ptrdiff_t>(rng() % open.size())); };
  for (int i = 0; i < 5000; ++i) {
    const auto what = rng() % 4;
    if (what == 0 || open.empty()) {
      if (const auto admission = budget.admit("192.0.2." + std::to_string(rng() % 4))) {
        if (admission->evicted) {
          EXPECT_EQ(open.erase(*admission->evicted), 1U);
        }
        open.insert(admission->id);
      }
    } else if (what == 1) {
      if (const auto evicted = budget.sign(any(), std::string(1, static_cast<char>('a' + rng() % 4)))) {
        EXPECT_EQ(open.erase(*evicted), 1U);
      }
    } else if (what == 2) {
      budget.unsign(any());
    } else {
      const Id gone = any();
      budget.leave(gone);
      open.erase(gone);
    }
    ASSERT_EQ(budget.size(), open.size());
    ASSERT_LE(budget.size(), small.connections);
  }
  for (const Id id : open) budget.leave(id);
  EXPECT_EQ(budget.size(), 0U);
  EXPECT_EQ(budget.strangers(), 0U);
}

}  // namespace
}  // namespace argosy::server
