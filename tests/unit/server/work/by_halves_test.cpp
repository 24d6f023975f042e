#include "server/work/by_halves.hpp"

#include <set>

#include <gtest/gtest.h>

#include "tests/support/run_task.hpp"

namespace argosy::server {
namespace {

using Values = Result<std::vector<Result<int>>>;

// Takes numbers, ten times each, and refuses all of them together when a bad one is among them.
struct Take {
  std::set<int> bad;
  int away_from = 1'000'000;  // the try at which the database goes away
  int* tries;
  boost::asio::awaitable<Values> operator()(std::vector<int> items) const { return take(*this, std::move(items)); }
  static boost::asio::awaitable<Values> take(Take self, std::vector<int> items) {
    if (++*self.tries >= self.away_from) co_return make_error(Errc::unavailable, "away");
    std::vector<Result<int>> values;
    for (const int item : items) {
      if (self.bad.contains(item)) co_return make_error(Errc::invalid_argument, std::to_string(item));
      values.emplace_back(10 * item);
    }
    co_return values;
  }
};

class ByHalves : public ::testing::Test {
 protected:
  boost::asio::io_context io;
  int tries = 0;
  std::vector<Result<int>> take(int count, std::set<int> bad, int away_from = 1'000'000) {
    std::vector<int> items;
    for (int i = 0; i < count; ++i) items.push_back(i);
    return test::run_task(io, take_by_halves<int>(std::move(items), Take{std::move(bad), away_from, &tries}));
  }
};

TEST_F(ByHalves, TakesAllAtOnceWhenNoneIsBad) {
  const auto results = take(500, {});
  EXPECT_EQ(tries, 1);
  EXPECT_EQ(results.at(499).value(), 4990);
}

TEST_F(ByHalves, EachBadOneIsFoundAndAllOthersAreTaken) {
  const auto results = take(500, {0, 250, 499});
  for (int i = 0; i < 500; ++i) {
    const bool bad = i == 0 || i == 250 || i == 499;
    EXPECT_EQ(results[static_cast<std::size_t>(i)].has_value(), !bad) << i;
  }
  EXPECT_EQ(results[250].error().message, "250");
  EXPECT_LE(tries, 60);
}

TEST_F(ByHalves, OneOfOneAndNoneOfNone) {
  EXPECT_EQ(take(1, {0}).at(0).error().code, Errc::invalid_argument);
  EXPECT_EQ(tries, 1);
  EXPECT_TRUE(take(0, {}).empty());
  EXPECT_EQ(tries, 1);
}

TEST_F(ByHalves, AnErrorThatIsEverybodysIsNotHalved) {
  for (const auto& result : take(500, {}, 1)) EXPECT_EQ(result.error().code, Errc::unavailable);
  EXPECT_EQ(tries, 1);
}

TEST_F(ByHalves, WhatWasTakenBeforeTheDatabaseWentAwayStays) {
  const auto results = take(8, {7}, 3);  // all: refused; the first half: taken; then it is away
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(results[i]) << i;
  for (std::size_t i = 4; i < 8; ++i) EXPECT_EQ(results[i].error().code, Errc::unavailable) << i;
}

TEST_F(ByHalves, WhereEverythingIsRefusedTheFaultIsElsewhere) {
  std::set<int> all;
  for (int i = 0; i < 500; ++i) all.insert(i);
  const auto results = take(500, all);
  EXPECT_LE(tries, 60);
  EXPECT_EQ(std::count_if(results.begin(), results.end(),
                          [](const auto& result) { return result.error().code == Errc::invalid_argument; }),
            16);
  EXPECT_EQ(results.back().error().code, Errc::unavailable);
}

}  // namespace
}  // namespace argosy::server
