#include "server/db/db_pool.hpp"

#include <atomic>
#include <latch>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include "tests/support/run_task.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {
namespace {

using test::run_task;
using test::TestDatabase;

class DbPoolTest : public ::testing::Test {
 protected:
  TestDatabase database{TestDatabase::Schema::empty};
  boost::asio::io_context io;

  DbPool::Options options(std::size_t threads = 2) const {
    return {.conninfo = database.conninfo(), .threads = threads};
  }
  void SetUp() override { database.exec("create table t (id int primary key, n int not null default 0)"); }
};

struct Insert {
  int id = 0;
  int operator()(pqxx::work& transaction) const {
    transaction.exec_params("insert into t (id) values ($1)", id);
    return id;
  }
};

TEST_F(DbPoolTest, CommitsAndReturnsTheValue) {
  DbPool pool(io.get_executor(), options());
  EXPECT_EQ(run_task(io, pool.transact(Insert{7})).value(), 7);
  EXPECT_EQ(database.value<int>("select id from t"), 7);
}

struct InsertThenRefuse {
  Result<int> operator()(pqxx::work& transaction) const {
    transaction.exec("insert into t (id) values (1)");
    return make_error(Errc::illegal_transition, "no");
  }
};

TEST_F(DbPoolTest, AnErrorRollsBack) {
  DbPool pool(io.get_executor(), options());
  EXPECT_EQ(run_task(io, pool.transact(InsertThenRefuse{})).error(), make_error(Errc::illegal_transition, "no"));
  EXPECT_EQ(database.value<int>("select count(*) from t"), 0);
}

struct Fail {
  std::string sql;
  void operator()(pqxx::work& transaction) const { transaction.exec(sql); }
};

TEST_F(DbPoolTest, ExceptionsBecomeErrors) {
  database.exec("insert into t (id) values (1)");
  DbPool::Options quick = options();
  quick.statement_timeout = std::chrono::milliseconds(100);
  DbPool pool(io.get_executor(), quick);
  EXPECT_EQ(run_task(io, pool.transact(Fail{"insert into t (id) values (1)"})).error().code, Errc::conflict);
  EXPECT_EQ(run_task(io, pool.transact(Fail{"insert into t (id, n) values (2, null)"})).error().code,
            Errc::invalid_argument);
  EXPECT_EQ(run_task(io, pool.transact(Fail{"select 1/0"})).error().code, Errc::invalid_argument);
  EXPECT_EQ(run_task(io, pool.transact(Fail{"select nonsense"})).error().code, Errc::internal);
  EXPECT_EQ(run_task(io, pool.transact(Fail{"select pg_sleep(30)"})).error().code, Errc::timeout);
}

TEST_F(DbPoolTest, SurvivesTheLossOfItsConnections) {
  DbPool pool(io.get_executor(), options(1));
  run_task(io, pool.transact(Insert{1})).value();
  ASSERT_EQ(database.disconnect_others(), 1);
  EXPECT_EQ(run_task(io, pool.transact(Insert{2})).value(), 2);
  EXPECT_EQ(pool.counters().connections, 2U);
  EXPECT_EQ(database.value<int>("select count(*) from t"), 2);
}

// Loses its connection in the middle the first time; the repeat must not find half of the first try.
struct InsertAcrossALoss {
  TestDatabase* database;
  std::shared_ptr<std::atomic<int>> runs;
  void operator()(pqxx::work& transaction) const {
    transaction.exec("insert into t (id) values (1)");
    if ((*runs)++ == 0) database->disconnect_others();
    transaction.exec("insert into t (id) values (2)");
  }
};

TEST_F(DbPoolTest, RepeatsTheWholeTransactionWhenTheConnectionBreaksInsideIt) {
  DbPool pool(io.get_executor(), options(1));
  auto runs = std::make_shared<std::atomic<int>>(0);
  run_task(io, pool.transact(InsertAcrossALoss{&database, runs})).value();
  EXPECT_EQ(*runs, 2);
  EXPECT_EQ(database.value<int>("select count(*) from t"), 2);
}

TEST_F(DbPoolTest, SaysUnavailableWhenThereIsNoServer) {
  DbPool pool(io.get_executor(), {.conninfo = "host=127.0.0.1 port=1 dbname=none", .threads = 1});
  EXPECT_EQ(run_task(io, pool.transact(Insert{1})).error().code, Errc::unavailable);
}

// Two of these, with the ids swapped, meet in a deadlock the first time round.
struct AddToBoth {
  int first, second;
  std::shared_ptr<std::latch> met;
  std::shared_ptr<std::atomic<int>> runs;
  void operator()(pqxx::work& transaction) const {
    const bool first_run = (*runs)++ < 2;
    transaction.exec_params("update t set n = n + 1 where id = $1", first);
    if (first_run) met->arrive_and_wait();
    transaction.exec_params("update t set n = n + 1 where id = $1", second);
  }
};

TEST_F(DbPoolTest, RepeatsADeadlockedTransaction) {
  database.exec("insert into t (id) values (1), (2)");
  DbPool pool(io.get_executor(), options(2));
  auto met = std::make_shared<std::latch>(2);
  auto runs = std::make_shared<std::atomic<int>>(0);
  int finished = 0;
  const auto finish = [&](const std::exception_ptr&, const Result<void>& result) {
    EXPECT_TRUE(result) << result.error().message;
    ++finished;
  };
  boost::asio::co_spawn(io, pool.transact(AddToBoth{1, 2, met, runs}), finish);
  boost::asio::co_spawn(io, pool.transact(AddToBoth{2, 1, met, runs}), finish);
  ASSERT_TRUE(test::run_until(io, [&] { return finished == 2; }));
  EXPECT_GE(pool.counters().retries, 1U);
  EXPECT_EQ(database.value<int>("select sum(n) from t"), 4);
}

struct WaitFor {
  std::shared_ptr<std::latch> started, release;
  void operator()(pqxx::work&) const {
    started->count_down();
    release->wait();
  }
};

TEST_F(DbPoolTest, AFullQueueIsAnsweredAtOnce) {
  DbPool::Options small = options(1);
  small.queue_limit = 1;
  DbPool pool(io.get_executor(), small);
  auto started = std::make_shared<std::latch>(1);
  auto release = std::make_shared<std::latch>(1);
  int finished = 0;
  const auto finish = [&](const std::exception_ptr&, const Result<void>& result) { finished += result.has_value(); };
  boost::asio::co_spawn(io, pool.transact(WaitFor{started, release}), finish);
  io.poll();
  started->wait();  // the only thread is busy
  auto free_latch = std::make_shared<std::latch>(1);
  boost::asio::co_spawn(io, pool.transact(WaitFor{free_latch, release}), finish);  // waits in the queue
  io.poll();
  EXPECT_EQ(run_task(io, pool.transact(Insert{1})).error().code, Errc::unavailable);
  EXPECT_EQ(pool.counters().refused, 1U);
  release->count_down();
  EXPECT_TRUE(test::run_until(io, [&] { return finished == 2; }));
}

}  // namespace
}  // namespace argosy::server
