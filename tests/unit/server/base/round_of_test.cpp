#include "server/base/round_of.hpp"

#include <gtest/gtest.h>

#include "tests/support/run_task.hpp"

namespace argosy::server {
namespace {

using test::run_task;

struct Counter {
  Instant told{};
  int counted = 0;
  Result<int> outcome = 7;

  Task<Result<int>> tick(Instant now) {
    told = now;
    co_return outcome;
  }
  Task<Result<void>> count() {
    ++counted;
    co_return Result<void>{};
  }
};

TEST(RoundOf, TellsTheTimeToWhoeverAsksForIt) {
  boost::asio::io_context io;
  Counter counter;
  const Instant now{Duration{5}};
  EXPECT_TRUE(run_task(io, round_of<&Counter::tick>(counter)(now)));
  EXPECT_EQ(counter.told, now);
  EXPECT_TRUE(run_task(io, round_of<&Counter::count>(counter)(now)));
  EXPECT_EQ(counter.counted, 1);
}

TEST(RoundOf, FailsAsTheMethodDoes) {
  boost::asio::io_context io;
  Counter counter;
  counter.outcome = make_error(Errc::timeout, "too late");
  EXPECT_EQ(run_task(io, round_of<&Counter::tick>(counter)(Instant{})).error().code, Errc::timeout);
}

}  // namespace
}  // namespace argosy::server
