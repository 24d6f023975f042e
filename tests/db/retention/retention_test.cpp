#include <set>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "server/db/db_pool.hpp"
#include "server/retention/retention_service.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

class RetentionTest : public ::testing::Test {
 protected:
  const Instant now = instant_from_ms(1'790'000'000'000);
  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 1}};
  RetentionService retention{pool, {.days = {}, .slice = 7}};

  std::string ago(int days) const { return "'" + to_rfc3339(now - 24h * days) + "'"; }
  std::size_t tick(Duration later = 0s) { return test::run_task(io, retention.tick(now + later)).value(); }
  int count(const std::string& what) { return database.value<int>("select count(*) from " + what); }
  void add_release() {
    database.exec("insert into models (name) values ('digits')");
    database.exec("insert into releases (model, version, created_by) values ('digits', '1', 'ada')");
  }
  void add_rollout(const std::string& id, const std::string& state, const std::string& ended_at, int devices) {
    database.exec(
        "insert into rollouts (id, name, model, release_id, policy, seed, state, created_by, created_at, started_at, "
        "ended_at) "
        "overriding system value values (" +
        id + ", 'r', 'digits', 1, '{}', 1, '" + state + "', 'ada', " + ago(2000) + ", " +
        (state == "draft" ? "null" : ago(1999)) + ", " + ended_at + ")");
    database.exec("insert into rollout_waves (rollout_id, wave, share) values (" + id + ", 0, 1)");
    database.exec("insert into rollout_devices (rollout_id, device_id, wave, state) select " + id +
                  ", id, 0, 'succeeded' from devices order by id limit " + std::to_string(devices));
    database.exec("insert into rollout_decisions (rollout_id, actor, rule, decision, message) values (" + id +
                  ", 'engine', 'gate', 'complete', 'done')");
  }
};

TEST_F(RetentionTest, ADraftOfAReleaseGoesWhenNobodyMendedItForLong) {
  add_release();
  for (const auto& [version, mended] : {std::pair("old", ago(400)), std::pair("young", ago(300))})
    database.exec("insert into release_drafts values ('digits', '" + std::string(version) + "', '{}', 'ada', " +
                  ago(500) + ", 'ada', " + mended + ")");
  tick();
  EXPECT_EQ(database.value<std::string>("select string_agg(version, ' ') from release_drafts"), "young");
}

TEST_F(RetentionTest, EveryTableSaysHowLongItsRowsStay) {
  std::set<std::string> declared;
  for (const TableBound& bound : table_bounds()) declared.insert(std::string(bound.table));
  const auto tables = database.exec(
      "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
      "where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition");
  std::set<std::string> there;
  for (const auto& row : tables) there.insert(row[0].as<std::string>());
  for (const auto& table : there)
    EXPECT_TRUE(declared.contains(table)) << table << " is missing in server/retention/retention.cpp";
  for (const auto& table : declared) EXPECT_TRUE(there.contains(table)) << "there is no table " << table;
  for (const RetentionRule& rule : retention_rules())
    EXPECT_TRUE(there.contains(std::string(rule.table))) << rule.table;
}

TEST_F(RetentionTest, NothingIsOldInAFleetOfToday) {
  database.exec("insert into devices (id, hardware_class, revoked_at) values ('cam-1', 'cpu', " + ago(364) + ")");
  database.exec("insert into events (at, kind, message) values (" + ago(89) + ", 'x', 'x')");
  EXPECT_EQ(tick(), 0U);
}

TEST_F(RetentionTest, OldEventsGoSliceBySlice) {
  database.exec("insert into events (at, kind, message) select " + ago(91) +
                "::timestamptz, 'x', 'x' from generate_series(1, 40)");
  database.exec("insert into events (at, kind, message) select " + ago(1) +
                "::timestamptz, 'x', 'x' from generate_series(1, 3)");
  EXPECT_EQ(tick(), 40U);
  EXPECT_EQ(count("events"), 3);
  EXPECT_EQ(retention.removed().at("events"), 40U);
}

TEST_F(RetentionTest, AlertsThatAreOpenStay) {
  database.exec("insert into devices (id, hardware_class) values ('cam-1', 'cpu')");
  for (const char* state : {"firing", "resolved"})
    database.exec(
        "insert into alerts (rule, severity, device_id, state, message, opened_at, resolved_at) values ('drift', "
        "'warning', 'cam-1', '" +
        std::string(state) + "', '', " + ago(500) + ", " + (std::string(state) == "firing" ? "null" : ago(400)) + ")");
  EXPECT_EQ(tick(), 1U);
  EXPECT_EQ(count("alerts where state = 'firing'"), 1);
}

TEST_F(RetentionTest, OldPresenceGoesAndTheSpanThatLastsStays) {
  database.exec("insert into devices (id, hardware_class) values ('cam-1', 'cpu')");
  for (const auto& [from, to] : {std::pair{50, 40}, std::pair{40, 29}, std::pair{29, 0}})
    database.exec(
        "insert into presence_spans (device_id, from_at, to_at, presence, cause, reason, settled_at) values "
        "('cam-1', " +
        ago(from) + ", " + (to == 0 ? "null" : ago(to)) + ", 'online', 'heard', '', " + ago(from) + ")");
  for (const int days : {31, 29}) {
    database.exec("insert into site_hours (hour, site, reachable_s, expected_s) values (" + ago(days) + ", 'a', 1, 1)");
    database.exec("insert into unwatched_times (from_at, to_at) values (" + ago(days) + ", " + ago(days) + ")");
  }
  EXPECT_EQ(tick(), 3U);
  EXPECT_EQ(count("presence_spans"), 2) << "the one that was under way 30 days ago is still needed";
}

TEST_F(RetentionTest, OldRolloutsGoWithTheirDevicesButTheOneThatIsStillFollowed) {
  add_release();
  database.exec("insert into devices (id, hardware_class) select 'cam-' || n, 'cpu' from generate_series(1, 20) n");
  add_rollout("1", "completed", ago(400), 20);
  add_rollout("2", "completed", ago(400), 20);
  add_rollout("3", "completed", ago(10), 20);
  add_rollout("4", "running", "null", 20);
  add_rollout("5", "draft", "null", 20);
  database.exec(
      "insert into device_targets (device_id, model, release_id, rollout_id) values ('cam-1', 'digits', 1, 2)");
  tick();
  EXPECT_EQ(count("rollouts where id in (1, 5)"), 0);
  EXPECT_EQ(count("rollouts"), 3);
  EXPECT_EQ(count("rollout_devices where rollout_id = 2"), 0);
  EXPECT_EQ(count("rollout_devices"), 40);
  EXPECT_EQ(count("rollout_waves"), 3);
  EXPECT_EQ(count("rollout_decisions"), 2);
}

TEST_F(RetentionTest, ARolloutThatStandsKeepsTheRowsByWhichItKnowsNewcomers) {
  add_release();
  database.exec("insert into devices (id, hardware_class) select 'cam-' || n, 'cpu' from generate_series(1, 20) n");
  add_rollout("1", "completed", ago(400), 20);
  database.exec("update rollouts set standing = true, stands_since = ended_at");
  EXPECT_EQ(tick(), 0U);
  EXPECT_EQ(count("rollout_devices"), 20);
  database.exec("update rollouts set standing = false, stands_since = null");
  tick(24h);
  EXPECT_EQ(count("rollouts"), 0);
}

TEST_F(RetentionTest, ARolloutThatIsScheduledStaysUntilItsTime) {
  add_release();
  add_rollout("1", "draft", "null", 0);
  database.exec("update rollouts set state = 'scheduled', start_at = " + ago(-1));
  tick();
  EXPECT_EQ(count("rollouts"), 1);
}

TEST_F(RetentionTest, ARevokedDeviceGoesWithAllThatIsKnownOfIt) {
  database.exec("insert into devices (id, hardware_class, revoked_at) values ('cam-1', 'cpu', " + ago(366) +
                "), ('cam-2', 'cpu', null)");
  database.exec("insert into device_state (device_id, last_seen_at) select id, now() from devices");
  database.exec("insert into telemetry_cursors (device_id, epoch, seq) select id, 'e', 1 from devices");
  tick();
  EXPECT_EQ(count("devices"), 1);
  EXPECT_EQ(count("device_state"), 1);
  EXPECT_EQ(count("telemetry_cursors"), 1);
  EXPECT_EQ(count("presence_checks"), 1);
}

TEST_F(RetentionTest, ClaimsTokensAndVerdictsGo) {
  database.exec("insert into claims (token_hash, max_uses, expires_at, created_by) values ('a', 1, " + ago(91) +
                ", 'ada'), "
                "('b', 1, " +
                ago(-1) + ", 'ada')");
  database.exec(
      "insert into api_tokens (name, role, token_hash, created_by, revoked_at) values ('a', 'viewer', 'a', 'ada', " +
      ago(366) + "), ('b', 'viewer', 'b', 'ada', null)");
  database.exec("insert into devices (id, hardware_class) values ('cam-1', 'cpu')");
  database.exec("insert into latency_baselines values ('cam-1', 'digits', '1', 1, 1, " + ago(91) +
                "), ('cam-1', 'digits', '2', 1, 1, " + ago(1) + ")");
  EXPECT_EQ(tick(), 3U);
  database.exec("update latency_baselines set updated_at = " + ago(91));
  EXPECT_EQ(tick(10min), 0U) << "this table is read once an hour";
  EXPECT_EQ(tick(61min), 1U);
}

}  // namespace
}  // namespace argosy::server
