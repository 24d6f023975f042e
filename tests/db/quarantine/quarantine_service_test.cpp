#include "server/quarantine/quarantine_service.hpp"

#include <csignal>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/db/db_pool.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

MessageId message(const std::string& device, const std::string& content) {
  return {device, MessageKind::state, sha256(as_bytes(content))};
}

class QuarantineServiceTest : public ::testing::Test {
 protected:
  QuarantineServiceTest() {
    for (const char* device : {"cam-1", "cam-2"})
      database.exec("insert into devices (id, hardware_class) values ('" + std::string(device) + "', 'cpu')");
  }
  std::unique_ptr<QuarantineService> service(const std::string& version = "1.0") {
    auto made = std::make_unique<QuarantineService>(
        pool, QuarantineService::Options{.server_version = version, .folder = folder.path() / "in-hand"});
    EXPECT_TRUE(test::run_task(io, made->load(now)));
    return made;
  }
  void save(QuarantineService& quarantine) { ASSERT_TRUE(test::run_task(io, quarantine.tick(now))); }
  std::vector<std::string> events() {
    std::vector<std::string> kinds;
    for (const auto& row : database.exec("select kind from events order by id")) kinds.push_back(row[0].c_str());
    return kinds;
  }

  const Instant now = instant_from_ms(1'790'000'000'000);
  test::TestDatabase database;
  test::TemporaryFolder folder;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 1}};
};

TEST_F(QuarantineServiceTest, IsThereAfterARestartAndTellsWhatItKnowsOfADevice) {
  auto first = service();
  first->refuse(message("cam-1", "a"), make_error(Errc::invalid_argument, "year 0000 is out of range"), now);
  first->admit(message("cam-1", "a"), now + 1s);
  save(*first);
  auto second = service();
  EXPECT_EQ(second->admit(message("cam-1", "a"), now).admission, Admittance::refuse);
  EXPECT_EQ(second->check(message("cam-1", "a"), now).error().code, Errc::unprocessable);
  EXPECT_EQ(second->admit(message("cam-2", "a"), now).admission, Admittance::take);
  const auto rows = test::run_task(io, second->of_device("cam-1")).value();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].kind, MessageKind::state);
  EXPECT_EQ(rows[0].reason, "invalid-argument: year 0000 is out of range");
  EXPECT_EQ(rows[0].count, 2);
  EXPECT_EQ(rows[0].first_at, now);
  EXPECT_FALSE(rows[0].ended_at);
  EXPECT_TRUE(test::run_task(io, second->of_device("cam-2")).value().empty());
  EXPECT_EQ(test::run_task(io, second->of_device("nobody")).error().code, Errc::not_found);
}

TEST_F(QuarantineServiceTest, EventsTellThatItBeganAndEnded) {
  auto quarantine = service();
  quarantine->refuse(message("cam-1", "a"), make_error(Errc::too_large, "large"), now);
  save(*quarantine);
  for (int i = 0; i < 10; ++i) quarantine->admit(message("cam-1", "a"), now);
  save(*quarantine);
  quarantine->accept(message("cam-1", "b"), now);
  save(*quarantine);
  EXPECT_EQ(events(), (std::vector<std::string>{"quarantine.began", "quarantine.ended"}));
  EXPECT_EQ(service()->admit(message("cam-1", "c"), now).admission, Admittance::take);
}

TEST_F(QuarantineServiceTest, AStrangerHasNoRowAndHoldsNobodyUp) {
  auto quarantine = service();
  quarantine->refuse(message("stranger", "a"), make_error(Errc::too_large, "large"), now);
  quarantine->refuse(message("cam-1", "a"), make_error(Errc::too_large, "large"), now);
  save(*quarantine);
  EXPECT_EQ(database.value<std::string>("select string_agg(device_id, ',') from quarantine"), "cam-1");
  EXPECT_EQ(events().size(), 1u);
}

TEST_F(QuarantineServiceTest, AMessageInHandWhenTheProcessWasKilledIsSetAsideAtTheNextStart) {
  const auto path = folder.path() / "in-hand";
  for (int death = 1; death <= 3; ++death) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto marks = InHand::open(path);
      if (!marks) ::_exit(2);
      (*marks)->forget_left_behind();
      const auto held = (*marks)->hold({message("cam-1", "deadly")});
      ::raise(SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    auto quarantine = service();
    const auto verdict = quarantine->admit(message("cam-1", "deadly"), now);
    EXPECT_EQ(verdict.admission, death < 3 ? Admittance::wait : Admittance::refuse) << death;
    EXPECT_EQ(quarantine->admit(message("cam-2", "harmless"), now).admission, Admittance::take);
    EXPECT_EQ(database.value<int>("select deaths from quarantine where device_id = 'cam-1'"), death);
  }
  EXPECT_EQ(service("1.1")->admit(message("cam-1", "deadly"), now).admission, Admittance::take_alone);
}

TEST_F(QuarantineServiceTest, ClearsAwayWhatEndedLongAgo) {
  auto quarantine = service();
  quarantine->refuse(message("cam-1", "a"), make_error(Errc::too_large, "large"), now);
  quarantine->accept(message("cam-1", "b"), now);
  save(*quarantine);
  ASSERT_TRUE(test::run_task(io, service()->tick(now + 24h * 29)));
  EXPECT_EQ(database.value<int>("select count(*) from quarantine"), 1);
  ASSERT_TRUE(test::run_task(io, service()->tick(now + 24h * 31)));
  EXPECT_EQ(database.value<int>("select count(*) from quarantine"), 0);
}

}  // namespace
}  // namespace argosy::server
