#include <chrono>

#include <nlohmann/json.hpp>

#include "tests/integration/server/app/server_fixture.hpp"

namespace argosy::server {
namespace {

class LeaderTest : public ServerFixture {
 protected:
  static bool leads(RunningServer& server) {
    const auto reply = ask(server->operator_port(), "GET", "/readyz");
    return reply.status == 200 && nlohmann::json::parse(reply.body).at("leading").get<bool>();
  }
  static bool becomes(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
    }
    return true;
  }
};

TEST_F(LeaderTest, OfTwoInstancesOneLeadsAndTheOtherTakesOver) {
  auto first = std::make_unique<RunningServer>(database, folder);
  EXPECT_TRUE(becomes([&] { return leads(*first); }));
  RunningServer second(database, folder);
  EXPECT_FALSE(leads(second));
  EXPECT_EQ(ask(second->operator_port(), "GET", "/api/v1/devices", token("viewer")).status, 200)
      << "a follower serves people all the same";
  first.reset();
  EXPECT_TRUE(becomes([&] { return leads(second); }));
}

TEST_F(LeaderTest, ALeaderThatLosesItsDatabaseComesBack) {
  RunningServer server(database, folder);
  ASSERT_TRUE(becomes([&] { return leads(server); }));
  for (int round = 0; round < 3; ++round) {
    database.disconnect_others();
    EXPECT_TRUE(becomes([&] { return leads(server); }));
  }
}

TEST_F(LeaderTest, TheFirstAdminIsMadeOnce) {
  { RunningServer server(database, folder); }
  { RunningServer server(database, folder); }
  EXPECT_EQ(database.value<int>("select count(*) from users where role = 'admin'"), 1);
  EXPECT_EQ(database.value<int>("select count(*) from login_links"), 1);
}

}  // namespace
}  // namespace argosy::server
