#include "server/db/notifications.hpp"

#include <gtest/gtest.h>

#include "tests/support/run_task.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {
namespace {

class NotificationsTest : public ::testing::Test {
 protected:
  test::TestDatabase database{test::TestDatabase::Schema::empty};
  boost::asio::io_context io;
  int gaps = 0;
  std::vector<std::string> payloads;
  std::unique_ptr<Notifications> notifications = std::make_unique<Notifications>(
      io.get_executor(), Notifications::Options{.conninfo = database.conninfo(), .channel = "news", .limit = 10},
      [this](const News& news) {
        gaps += news.gap ? 1 : 0;
        payloads.insert(payloads.end(), news.payloads.begin(), news.payloads.end());
      });
  bool until(const std::function<bool()>& condition) { return test::run_until(io, condition); }
  void SetUp() override {
    ASSERT_TRUE(until([this] { return gaps == 1; })) << "the start is a gap";
  }
};

TEST_F(NotificationsTest, TellWhatWasCommitted) {
  database.exec("select pg_notify('news', 'a'), pg_notify('other', 'b'), pg_notify('news', 'c')");
  EXPECT_TRUE(until([this] { return payloads == std::vector<std::string>{"a", "c"}; }));
}

TEST_F(NotificationsTest, ALostConnectionIsAGapAndThenTheyGoOn) {
  database.disconnect_others();
  ASSERT_TRUE(until([this] { return gaps == 2; }));
  database.exec("select pg_notify('news', 'a')");
  EXPECT_TRUE(until([this] { return payloads.size() == 1; }));
}

TEST_F(NotificationsTest, MoreThanFitIsAGap) {
  database.exec("select pg_notify('news', n::text) from generate_series(1, 500) n");
  EXPECT_TRUE(until([this] { return gaps > 1; }));
}

}  // namespace
}  // namespace argosy::server
