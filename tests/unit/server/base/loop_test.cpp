#include "server/base/loop.hpp"

#include <stdexcept>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include "tests/support/run_task.hpp"

namespace argosy::server {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using test::run_task;
using test::run_until;

// What rounds do in these tests: count, wait at a door if it is shut, and end as they are told.
struct Stage {
  explicit Stage(asio::io_context& io) : door(io, asio::steady_timer::time_point::max()) {}
  asio::steady_timer door;
  bool is_open = true;
  int begun = 0;
  int ended = 0;
  Result<void> outcome{};
  bool throws = false;

  void open() {
    is_open = true;
    door.cancel();
  }
};

Task<Result<void>> play(Stage& stage) {
  ++stage.begun;
  if (!stage.is_open) {
    co_await stage.door.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  if (stage.throws) throw std::runtime_error("the round threw");
  ++stage.ended;
  co_return stage.outcome;
}

Task<void> stop_and_tell(Loop& loop, bool& stopped) {
  co_await loop.stop();
  stopped = true;
}

class LoopTest : public ::testing::Test {
 protected:
  Loop::Round round() {
    return [this](Instant) { return play(stage); };
  }
  static LoopOptions only_woken() { return {.name = "test", .interval = std::nullopt, .starts_at_once = false}; }
  static LoopOptions each(Duration interval) { return {.name = "test", .interval = interval}; }

  asio::io_context io;
  Stage stage{io};
};

TEST_F(LoopTest, GoesRoundAtItsInterval) {
  Loop loop(io.get_executor(), each(1ms), round());
  EXPECT_TRUE(run_until(io, [this] { return stage.ended >= 3; }));
  run_task(io, loop.stop());
  EXPECT_EQ(loop.figures().rounds, static_cast<std::uint64_t>(stage.ended));
}

TEST_F(LoopTest, AStopBeforeTheFirstResumeIsNotLost) {
  Loop loop(io.get_executor(), each(1ms), round());
  loop.request_stop();
  run_task(io, loop.stop());
  EXPECT_EQ(stage.begun, 0);
}

TEST_F(LoopTest, AWakeUpBeforeTheFirstResumeIsNotLost) {
  Loop loop(io.get_executor(), only_woken(), round());
  loop.wake();
  EXPECT_TRUE(run_until(io, [this] { return stage.ended == 1; }));
  run_task(io, loop.stop());
  EXPECT_EQ(stage.begun, 1) << "nobody asked for a second round";
}

TEST_F(LoopTest, AWakeUpDuringARoundBringsAnother) {
  stage.is_open = false;
  Loop loop(io.get_executor(), only_woken(), round());
  loop.wake();
  ASSERT_TRUE(run_until(io, [this] { return stage.begun == 1; }));
  loop.wake();
  loop.wake();
  stage.open();
  EXPECT_TRUE(run_until(io, [this] { return stage.ended == 2; }));
  run_task(io, loop.stop());
  EXPECT_EQ(stage.begun, 2) << "two wake-ups during one round are one";
}

TEST_F(LoopTest, ALaterWakeUpDoesNotPutOffAnEarlierOne) {
  Loop loop(io.get_executor(), only_woken(), round());
  loop.wake(1ms);
  loop.wake(1h);
  EXPECT_TRUE(run_until(io, [this] { return stage.ended == 1; }));
}

TEST_F(LoopTest, StopWaitsForTheRoundUnderWay) {
  stage.is_open = false;
  Loop loop(io.get_executor(), each(1ms), round());
  ASSERT_TRUE(run_until(io, [this] { return stage.begun == 1; }));
  bool stopped = false;
  asio::co_spawn(io, stop_and_tell(loop, stopped), [](const std::exception_ptr&) {});
  EXPECT_FALSE(run_until(
      io, [&] { return stopped; }, 20ms));
  stage.open();
  EXPECT_TRUE(run_until(io, [&] { return stopped; }));
  EXPECT_EQ(stage.ended, 1);
  EXPECT_EQ(stage.begun, 1);
}

TEST_F(LoopTest, AStoppedLoopStaysStopped) {
  Loop loop(io.get_executor(), each(1ms), round());
  run_task(io, loop.stop());
  const int begun = stage.begun;
  loop.wake();
  run_task(io, loop.stop());
  EXPECT_EQ(stage.begun, begun);
}

TEST_F(LoopTest, ErrorsAndExceptionsDoNotEndIt) {
  stage.outcome = make_error(Errc::unavailable, "not now");
  Loop loop(io.get_executor(), each(1ms), round());
  ASSERT_TRUE(run_until(io, [this] { return stage.ended >= 2; }));
  stage.throws = true;
  const int begun = stage.begun;
  ASSERT_TRUE(run_until(io, [&] { return stage.begun >= begun + 2; }));
  stage.throws = false;
  stage.outcome = {};
  const int ended = stage.ended;
  EXPECT_TRUE(run_until(io, [&] { return stage.ended >= ended + 2; }));
  run_task(io, loop.stop());
  EXPECT_GE(loop.figures().failed, 4U);
  EXPECT_GE(loop.figures().rounds, loop.figures().failed + 2);
}

TEST_F(LoopTest, TellsItsFiguresAfterEachRound) {
  std::string told;
  LoopFigures figures;
  auto options = each(1ms);
  options.observe = [&](const std::string& name, const LoopFigures& now) {
    told = name;
    figures = now;
  };
  Loop loop(io.get_executor(), options, round());
  EXPECT_TRUE(run_until(io, [&] { return figures.rounds == 2; }));
  EXPECT_EQ(told, "test");
}

TEST_F(LoopTest, MayGoWhileItsRoundIsUnderWay) {
  stage.is_open = false;
  auto loop = std::make_unique<Loop>(io.get_executor(), each(1ms), round());
  ASSERT_TRUE(run_until(io, [this] { return stage.begun == 1; }));
  loop.reset();
  stage.open();
  EXPECT_TRUE(run_until(io, [this] { return stage.ended == 1; }));
  io.restart();
  io.run_for(5ms);
  EXPECT_EQ(stage.begun, 1);
}

TEST_F(LoopTest, SeveralEndTogether) {
  Stage other(io);
  other.is_open = false;
  Loops loops(io.get_executor());
  loops.add(each(1ms), round());
  loops.add(each(1ms), [&other](Instant) { return play(other); });
  ASSERT_TRUE(run_until(io, [&] { return stage.ended >= 1 && other.begun == 1; }));
  loops.request_stop();
  other.open();
  run_task(io, loops.stop());
  EXPECT_EQ(other.ended, 1);
}

}  // namespace
}  // namespace argosy::server
