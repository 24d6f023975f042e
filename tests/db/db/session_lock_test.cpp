#include "server/db/session_lock.hpp"

#include <gtest/gtest.h>

#include "tests/support/run_task.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {
namespace {

class SessionLockTest : public ::testing::Test {
 protected:
  test::TestDatabase database{test::TestDatabase::Schema::empty};
  boost::asio::io_context io;

  struct Instance {
    bool held = false;
    int changes = 0;
    std::unique_ptr<SessionLock> lock;
  };
  void join(Instance& instance) {
    instance.lock = std::make_unique<SessionLock>(
        io.get_executor(), SessionLock::Options{database.conninfo(), 42, std::chrono::milliseconds(20)},
        [&instance](bool held) {
          instance.held = held;
          ++instance.changes;
        });
  }
  bool until(const std::function<bool()>& condition) { return test::run_until(io, condition); }
};

TEST_F(SessionLockTest, OneOfTwoHoldsItAndTheOtherFollows) {
  Instance a, b;
  join(a);
  ASSERT_TRUE(until([&] { return a.held; }));
  join(b);
  // b has tried when its session is there; a second look at a's lock must not have changed anything.
  ASSERT_TRUE(until([&] {
    return database.value<int>("select count(*) from pg_stat_activity where datname = current_database()") == 3;
  }));
  EXPECT_FALSE(b.held);
  a.lock.reset();
  EXPECT_TRUE(until([&] { return b.held; }));
  EXPECT_EQ(b.changes, 1);
}

TEST_F(SessionLockTest, LosingTheConnectionIsNoticedAndTheLockComesBack) {
  Instance a;
  join(a);
  ASSERT_TRUE(until([&] { return a.held; }));
  database.disconnect_others();
  EXPECT_TRUE(until([&] { return a.changes >= 3 && a.held; })) << "held, lost, held again";
}

TEST_F(SessionLockTest, TwoNeverHoldItForLongWhenConnectionsBreak) {
  Instance a, b;
  join(a);
  join(b);
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(until([&] { return a.held != b.held; }));
    database.disconnect_others();
    ASSERT_TRUE(until([&, before = a.changes + b.changes] { return a.changes + b.changes > before; }));
  }
  EXPECT_TRUE(until([&] { return a.held != b.held; }));
  EXPECT_EQ(database.value<int>("select count(*) from pg_locks where locktype = 'advisory'"), 1);
}

}  // namespace
}  // namespace argosy::server
