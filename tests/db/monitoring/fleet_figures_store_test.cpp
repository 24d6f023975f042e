#include "server/monitoring/fleet_figures_store.hpp"

#include <optional>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "server/db/db_pool.hpp"
#include "server/monitoring/fleet_figures_service.hpp"
#include "tests/support/fleet_rows.hpp"
#include "tests/support/run_task.hpp"

namespace argosy::server {
namespace {

class FleetFiguresOfRows : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* device : {"cam-1", "cam-2", "gone"}) test::add_device(database, device);
    database.exec("update device_state set presence = 'online', agent_version = '1.0' where device_id <> 'cam-2'");
    database.exec(
        "insert into device_models (device_id, model, version) values ('cam-1', 'digits', '1.0'), ('gone', 'digits', "
        "'1.0')");
    database.exec("update devices set revoked_at = now() where id = 'gone'");
    test::add_release(database, "digits", "1.0");
  }
  std::string text() {
    pqxx::work transaction(database.connection());
    return prometheus_text(families_of(ReadFleetFigures{}(transaction)));
  }
  void add_alert(const std::string& device, const std::string& state) {
    database.exec(
        "insert into alerts (rule, severity, device_id, state, message, opened_at) values ('gone_dark', 'critical', '" +
        device + "', '" + state + "', 'it is silent', now())");
  }

  test::TestDatabase database;
};

TEST_F(FleetFiguresOfRows, CountDevicesThatAreNotRevoked) {
  const std::string figures = text();
  for (const char* line :
       {"argosy_fleet_devices{presence=\"online\"} 1\n", "argosy_fleet_devices{presence=\"never_seen\"} 1\n",
        "argosy_fleet_class_devices{hardware_class=\"cpu-fp32\"} 2\n", "argosy_fleet_agent_devices{agent=\"1.0\"} 1\n",
        "argosy_fleet_model_devices{model=\"digits\",version=\"1.0\"} 1\n"})
    EXPECT_NE(figures.find(line), std::string::npos) << line << figures;
}

TEST_F(FleetFiguresOfRows, TellWhatIsWrong) {
  add_alert("cam-1", "firing");
  add_alert("cam-2", "resolved");
  database.exec(
      "insert into drift_state (device_id, model, version, feature, psi, samples, drifted, since, updated_at) values "
      "('cam-1', 'digits', '1.0', 'sharpness', 1, 500, true, now(), now()), "
      "('cam-1', 'digits', '1.0', 'ink', 1, 500, true, now(), now()), "
      "('cam-2', 'digits', '1.0', 'ink', 0, 500, false, now(), now())");
  database.exec(
      "insert into quarantine (device_id, kind, reason, digest, count, first_at, last_at, server_version, ended_at) "
      "values ('cam-1', 'state', 'no JSON', 'ab', 1, now(), now(), '1', null), "
      "('cam-2', 'state', 'no JSON', 'ab', 1, now(), now(), '1', now())");
  const std::string figures = text();
  for (const char* line : {"argosy_fleet_open_alerts{rule=\"gone_dark\",severity=\"critical\",state=\"firing\"} 1\n",
                           "argosy_fleet_drifting_devices{model=\"digits\",version=\"1.0\"} 1\n",
                           "argosy_fleet_quarantined_devices{kind=\"state\"} 1\n"})
    EXPECT_NE(figures.find(line), std::string::npos) << line << figures;
  EXPECT_EQ(figures.find("resolved"), std::string::npos);
}

TEST_F(FleetFiguresOfRows, TellHowFarRolloutsAre) {
  database.exec(
      "insert into rollouts (name, model, release_id, policy, seed, state, wave, created_by) "
      "select 'one', 'digits', id, '{}', 1, 'running', 1, 'test' from releases");
  database.exec(
      "insert into rollout_waves (rollout_id, wave, share, planned, counts) select id, 0, 0.5, 2, "
      "'{\"committed\": 2}'::jsonb from rollouts union all select id, 1, 1, 2, '{\"committed\": 1, \"queued\": "
      "1}'::jsonb from "
      "rollouts");
  const std::string figures = text();
  for (const char* line : {"argosy_fleet_rollouts{state=\"running\"} 1\n", "argosy_fleet_rollouts{state=\"draft\"} 0\n",
                           "version=\"1.0\"} 2\n", "step=\"committed\"} 3\n", "step=\"queued\"} 1\n"})
    EXPECT_NE(figures.find(line), std::string::npos) << line << figures;
}

TEST_F(FleetFiguresOfRows, AreNotWaitedForWhenTheDatabaseStandsStill) {
  boost::asio::io_context io;
  DbPool pool(io.get_executor(), {.conninfo = database.conninfo(), .threads = 1});
  FleetFiguresService service(pool, Duration{10'000}, Duration{0});
  pqxx::work lock(database.connection());
  lock.exec("lock table quarantine in access exclusive mode");
  std::optional<Result<SharedFamilies>> first;
  boost::asio::co_spawn(io, service.current(),
                        [&first](std::exception_ptr, Result<SharedFamilies> read) { first = std::move(read); });

  const auto second = test::run_task(io, service.current());
  EXPECT_EQ(second.error().code, Errc::unavailable);
  EXPECT_FALSE(first) << "that one still waits";

  lock.abort();
  ASSERT_TRUE(test::run_until(io, [&first] { return first.has_value(); }));
  EXPECT_TRUE(*first);
  EXPECT_TRUE(test::run_task(io, service.current())) << "and all is well again";
}

TEST_F(FleetFiguresOfRows, AreReadOnceHoweverManyAsk) {
  boost::asio::io_context io;
  DbPool pool(io.get_executor(), {.conninfo = database.conninfo(), .threads = 1});
  FleetFiguresService service(pool);
  const auto first = test::run_task(io, service.current());
  ASSERT_TRUE(first);
  EXPECT_EQ(test::run_task(io, service.current()).value(), *first) << "the very same";

  database.exec("alter table quarantine rename to quarantine_lost");
  FleetFiguresService late(pool);
  EXPECT_FALSE(test::run_task(io, late.current())) << "no figures rather than wrong ones";
}

}  // namespace
}  // namespace argosy::server
