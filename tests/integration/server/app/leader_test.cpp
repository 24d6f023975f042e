#include <chrono>
#include <functional>
#include <string>

#include <nlohmann/json.hpp>
#include <pqxx/pqxx>

#include "tests/integration/server/app/server_fixture.hpp"

namespace argosy::server {
namespace {

class LeaderTest : public ServerFixture {
 protected:
  static bool leads(RunningServer& server) {
    const auto reply = ask(server->operator_port(), "GET", "/readyz");
    return reply.status == 200 && nlohmann::json::parse(reply.body).at("leading").get<bool>();
  }
  // What the server's metrics say of one of its loops; 0 before the first round.
  static double figure(RunningServer& server, const std::string& name, const std::string& loop) {
    const std::string metrics = ask(server->operator_port(), "GET", "/metrics").body;
    const std::string line = "\n" + name + "{loop=\"" + loop + "\"} ";
    const auto at = metrics.find(line);
    return at == std::string::npos ? 0 : std::stod(metrics.substr(at + line.size(), 32));
  }
  static double rounds(RunningServer& server, const std::string& loop) {
    return figure(server, "argosy_loop_rounds_total", loop);
  }
  static double failed_rounds(RunningServer& server, const std::string& loop) {
    return figure(server, "argosy_loop_failed_rounds_total", loop);
  }
  // One that spoke and is due to be found online.
  void add_device_that_speaks(const std::string& id) {
    database.exec("insert into devices (id, hardware_class) values ('" + id + "', 'cpu-fp32')");
    database.exec("insert into device_state (device_id, interval_s) values ('" + id + "', 3600)");
    database.exec("update device_state set last_seen_at = now() where device_id = '" + id + "'");
  }
  std::string presence_of(const std::string& id) {
    return database.value<std::string>("select presence from device_state where device_id = '" + id + "'");
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

TEST_F(LeaderTest, WhoFollowsDoesNoneOfTheLeadersWork) {
  RunningServer first(database, folder);
  ASSERT_TRUE(becomes([&] { return leads(first); }));
  RunningServer second(database, folder);
  ASSERT_TRUE(becomes([&] { return rounds(second, "revocations") >= 1 && rounds(first, "presence") >= 2; }));
  for (const char* loop : {"presence", "drift", "alerts", "retention", "sealing the audit log", "demand for patches"}) {
    EXPECT_GE(rounds(first, loop), 1) << loop;
    EXPECT_EQ(rounds(second, loop), 0) << loop;
  }
}

TEST_F(LeaderTest, WhoLosesTheLeadStopsItsWorkAndTakesItUpWhenItLeadsAgain) {
  RunningServer server(database, folder);
  ASSERT_TRUE(becomes([&] { return leads(server) && rounds(server, "presence") >= 1; }));
  pqxx::connection other(database.conninfo());
  pqxx::nontransaction session(other);
  const auto key = database.value<std::int64_t>(
      "select (classid::bigint << 32) | objid::bigint from pg_locks where locktype = 'advisory' and objsubid = 1 and "
      "granted and database = (select oid from pg_database where datname = current_database())");
  ASSERT_TRUE(becomes([&] {  // whoever is quicker: the server has to lose its session, and the other to take the lock
    database.exec("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and pid <> " +
                  std::to_string(other.backendpid()));
    return session.exec1("select pg_try_advisory_lock(" + std::to_string(key) + ")")[0].as<bool>();
  }));
  ASSERT_TRUE(becomes([&] { return !leads(server); }));
  const double last = rounds(server, "presence");
  add_device_that_speaks("cam-1");
  const double others = rounds(server, "revocations");
  ASSERT_TRUE(becomes([&] { return rounds(server, "revocations") > others + 10; }))
      << "what every instance does goes on, here for as long as presence would need for three rounds";
  EXPECT_LE(rounds(server, "presence"), last + 1) << "the round that was under way";
  EXPECT_EQ(presence_of("cam-1"), "never_seen");
  session.exec("select pg_advisory_unlock_all()");
  EXPECT_TRUE(becomes([&] { return leads(server) && presence_of("cam-1") == "online"; }));
}

TEST_F(LeaderTest, WhoseTermIsOverWritesNothingThoughItBelievesThatItLeads) {
  RunningServer server(database, folder);
  ASSERT_TRUE(becomes([&] { return leads(server) && rounds(server, "presence") >= 1; }));
  database.exec("update fences set number = number + 1");
  const double before = failed_rounds(server, "presence");
  ASSERT_TRUE(becomes([&] { return failed_rounds(server, "presence") > before; }));
  add_device_that_speaks("cam-1");
  const double since = failed_rounds(server, "presence");
  ASSERT_TRUE(becomes([&] { return failed_rounds(server, "presence") >= since + 2; }));
  EXPECT_EQ(presence_of("cam-1"), "never_seen");
  EXPECT_TRUE(leads(server)) << "it has not noticed";
  database.disconnect_others();  // it takes the lock anew, and with it the next term
  EXPECT_TRUE(becomes([&] { return leads(server) && presence_of("cam-1") == "online"; }));
}

TEST_F(LeaderTest, TheFirstAdminIsMadeOnce) {
  { RunningServer server(database, folder); }
  { RunningServer server(database, folder); }
  EXPECT_EQ(database.value<int>("select count(*) from users where role = 'admin'"), 1);
  EXPECT_EQ(database.value<int>("select count(*) from login_links"), 1);
}

}  // namespace
}  // namespace argosy::server
