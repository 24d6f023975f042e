#include "server/db/fence.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include "server/db/db_pool.hpp"
#include "server/db/session_lock.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {
namespace {

constexpr std::int64_t key = 42;

struct InsertRow {
  void operator()(pqxx::work& transaction) const { transaction.exec("insert into t default values"); }
};

// As a service does, some calls deep.
boost::asio::awaitable<Result<void>> insert(DbPool& pool) {
  co_return co_await pool.transact<InsertRow>();
}
boost::asio::awaitable<Result<void>> insert_deep(DbPool& pool) {
  co_return co_await insert(pool);
}

class FenceTest : public ::testing::Test {
 protected:
  void SetUp() override { database.exec("create table t (id int generated always as identity)"); }
  Result<void> insert_in(std::int64_t number) {
    std::optional<Result<void>> outcome;
    boost::asio::any_io_executor term = FencedExecutor(io.get_executor(), {key, number});
    boost::asio::co_spawn(term, insert_deep(pool),
                          [&outcome](const std::exception_ptr&, Result<void> result) { outcome = std::move(result); });
    EXPECT_TRUE(test::run_until(io, [&] { return outcome.has_value(); }));
    return *outcome;
  }
  int rows() { return database.value<int>("select count(*) from t"); }

  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 2}};
};

TEST_F(FenceTest, WhoLeadsWritesAndWhoLedDoesNot) {
  const auto first = raise_fence(database.connection(), key);
  EXPECT_TRUE(insert_in(first));
  EXPECT_EQ(rows(), 1);
  const auto second = raise_fence(database.connection(), key);
  EXPECT_GT(second, first);
  const auto refused = insert_in(first);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  EXPECT_EQ(rows(), 1);
  EXPECT_TRUE(insert_in(second));
  EXPECT_TRUE(test::run_task(io, insert_deep(pool))) << "what is nobody's term is not fenced";
  EXPECT_EQ(rows(), 3);
}

TEST_F(FenceTest, NobodyLeadsBeforeItsTransactionsHaveEnded) {
  const auto number = raise_fence(database.connection(), key);
  pqxx::connection other(database.conninfo());
  pqxx::work under_way(other);
  ASSERT_TRUE(hold_fence(under_way, {key, number}));
  database.exec("set lock_timeout = 50");
  EXPECT_ANY_THROW(raise_fence(database.connection(), key)) << "it waits";
  under_way.exec("insert into t default values");
  under_way.commit();
  EXPECT_EQ(raise_fence(database.connection(), key), number + 1);
}

TEST_F(FenceTest, TakingTheLockBeginsATerm) {
  const auto before = raise_fence(database.connection(), key);
  bool held = false;
  SessionLock lock(io.get_executor(), {database.conninfo(), key, std::chrono::milliseconds(20), true},
                   [&held](bool now) { held = now; });
  ASSERT_TRUE(test::run_until(io, [&] { return held; }));
  EXPECT_EQ(lock.fence(), before + 1);
}

}  // namespace
}  // namespace argosy::server
