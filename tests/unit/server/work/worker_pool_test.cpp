#include "server/work/worker_pool.hpp"

#include <latch>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include "tests/support/run_task.hpp"

namespace argosy::server {
namespace {

using test::run_task;

class WorkerPoolTest : public ::testing::Test {
 protected:
  boost::asio::io_context io;
};

struct Sum {
  int a, b;
  int operator()() const { return a + b; }
};
struct Refuse {
  Result<int> operator()() const { return make_error(Errc::malformed_patch, "no"); }
};
struct Throw {
  void operator()() const { throw std::runtime_error("boom"); }
};
struct ThreadOfWork {
  std::thread::id operator()() const { return std::this_thread::get_id(); }
};

TEST_F(WorkerPoolTest, GivesValuesErrorsAndExceptionsBack) {
  WorkerPool pool(io.get_executor(), {});
  EXPECT_EQ(run_task(io, pool.run(Sum{2, 3})).value(), 5);
  EXPECT_EQ(run_task(io, pool.run(Refuse{})).error(), make_error(Errc::malformed_patch, "no"));
  EXPECT_EQ(run_task(io, pool.run(Throw{})).error(), make_error(Errc::internal, "boom"));
}

TEST_F(WorkerPoolTest, WorksOnAThreadOfItsOwn) {
  WorkerPool pool(io.get_executor(), {});
  EXPECT_NE(run_task(io, pool.run(ThreadOfWork{})).value(), std::this_thread::get_id());
}

struct WaitFor {
  std::shared_ptr<std::latch> started, release;
  void operator()() const {
    started->count_down();
    release->wait();
  }
};

TEST_F(WorkerPoolTest, AFullQueueIsAnsweredAtOnce) {
  WorkerPool pool(io.get_executor(), {.threads = 1, .queue_limit = 1});
  auto started = std::make_shared<std::latch>(1);
  auto release = std::make_shared<std::latch>(1);
  int finished = 0;
  const auto finish = [&](const std::exception_ptr&, const Result<void>&) { ++finished; };
  boost::asio::co_spawn(io, pool.run(WaitFor{started, release}), finish);
  io.poll();
  started->wait();
  boost::asio::co_spawn(io, pool.run(WaitFor{std::make_shared<std::latch>(1), release}), finish);
  io.poll();
  EXPECT_EQ(run_task(io, pool.run(Sum{1, 1})).error().code, Errc::unavailable);
  release->count_down();
  EXPECT_TRUE(test::run_until(io, [&] { return finished == 2; }));
}

struct UntilStopped {
  std::shared_ptr<std::latch> started;
  void operator()(std::stop_token stop) const {
    started->count_down();
    while (!stop.stop_requested()) std::this_thread::yield();
  }
};

TEST_F(WorkerPoolTest, LongWorkIsToldToStop) {
  auto started = std::make_shared<std::latch>(1);
  {
    WorkerPool pool(io.get_executor(), {});
    boost::asio::co_spawn(io, pool.run(UntilStopped{started}), [](const std::exception_ptr&, const Result<void>&) {});
    io.poll();
    started->wait();
  }  // the destructor came back
  SUCCEED();
}

}  // namespace
}  // namespace argosy::server
