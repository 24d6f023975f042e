#include "server/alerts/alert_service.hpp"

#include <optional>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/access/permission.hpp"
#include "server/access/role.hpp"
#include "server/alerts/alert_api.hpp"
#include "server/db/db_pool.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/telemetry/telemetry_service.hpp"
#include "tests/support/fleet_rows.hpp"
#include "tests/support/run_task.hpp"

namespace argosy::server {
namespace {

using test::run_task;
using test::window;

const Instant start = parse_rfc3339("2026-03-01T12:00:00Z").value();

class Alerts : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* device : {"cam-1", "cam-2"}) test::add_device(database, device);
    test::add_release(database, "digits", "1.0", "{}", R"({"metric": "accuracy", "threshold": 0.94})");
    ASSERT_TRUE(run_task(io, telemetry.tick(start)));
    restart();
  }
  // As after a restart of the server: only what lies in the database is left.
  void restart() {
    AlertOptions options;
    options.rules.latency.baseline_windows = 5;
    options.rules.latency.close_after = 4;
    options.watch.sweep_interval = Duration{1000};
    options.watch.budget = test::task_deadline;
    alerts.emplace(pool, options);
  }
  void send(const std::string& device, test::WindowOf of) {
    clock += Duration{60'000};
    of.started_at = clock;
    database.exec("insert into device_models (device_id, model, version) values ('" + device +
                  "', 'digits', '1.0') on conflict do nothing");
    ASSERT_TRUE(run_task(io, telemetry.ingest({test::batch(device, ++next_seq[device], window(of))}, clock)));
  }
  void tick() { ASSERT_TRUE(run_task(io, alerts->tick(clock += Duration{1000}))); }
  void feed(double latency_ms, int windows, bool restarts = false) {
    for (int i = 0; i < windows; ++i) {
      if (restarts) restart();
      send("cam-1", {.latency_ms = latency_ms});
      tick();
    }
  }
  std::string states() {
    return database.value<std::string>(
        "select coalesce(string_agg(rule || ':' || device_id || ':' || state, ' ' order by id), '') from alerts");
  }
  int events(const std::string& kind) {
    return database.value<int>("select count(*) from events where kind = '" + kind + "'");
  }

  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 1}};
  TelemetryService telemetry{pool};
  std::optional<AlertService> alerts;
  std::map<std::string, std::uint64_t> next_seq;
  Instant clock = start;
};

TEST_F(Alerts, LatencyDoubledGoesThroughItsLife) {
  feed(10, 8);
  EXPECT_EQ(states(), "");
  feed(25, 1);
  EXPECT_EQ(states(), "latency_doubled:cam-1:pending");
  EXPECT_EQ(events("alert.firing"), 0);
  feed(25, 5);
  EXPECT_EQ(states(), "latency_doubled:cam-1:firing");
  EXPECT_EQ(events("alert.firing"), 1);
  EXPECT_NE(database.value<std::string>("select message from events where kind = 'alert.firing'")
                .find("cam-1: latency of "
                      "digits 1.0 is 2"),
            std::string::npos);
  EXPECT_NEAR(database.value<double>("select exp(ln_p95_mean) from latency_baselines"), 10, 0.1) << "frozen";
  feed(11, 3);
  EXPECT_EQ(states(), "latency_doubled:cam-1:firing");
  feed(11, 1);
  EXPECT_EQ(states(), "latency_doubled:cam-1:resolved");
  EXPECT_EQ(events("alert.resolved"), 1);
}

TEST_F(Alerts, AServerThatRestartsAtEveryWindowSeesTheSame) {
  feed(10, 8, true);
  feed(25, 1, true);
  EXPECT_EQ(states(), "latency_doubled:cam-1:pending");
  feed(25, 3, true);
  EXPECT_EQ(states(), "latency_doubled:cam-1:firing");
  feed(11, 4, true);
  EXPECT_EQ(states(), "latency_doubled:cam-1:resolved");
  EXPECT_EQ(events("alert.firing"), 1);
  EXPECT_EQ(events("alert.resolved"), 1);
}

TEST_F(Alerts, EveryWindowCountsOnceHoweverOftenItIsLookedAt) {
  for (int i = 0; i < 8; ++i) send("cam-1", {.latency_ms = 10});
  for (int i = 0; i < 3; ++i) tick();
  restart();
  tick();
  EXPECT_EQ(database.value<int>("select windows from latency_baselines"), 8);
}

TEST_F(Alerts, APendingOneThatCalmsDownLeavesNoTrace) {
  feed(10, 8);
  feed(25, 1);
  feed(10, 3);
  EXPECT_EQ(states(), "");
  EXPECT_EQ(database.value<int>("select count(*) from events"), 0);
}

TEST_F(Alerts, AnotherVersionEndsTheLatencyAlertOfTheLast) {
  feed(10, 8);
  feed(25, 3);
  send("cam-1", {.latency_ms = 25, .version = "1.1"});
  tick();
  EXPECT_EQ(states(), "latency_doubled:cam-1:resolved");
  EXPECT_EQ(database.value<std::string>("select details ->> 'resolution' from alerts"),
            "cam-1: digits 1.0 was replaced by 1.1");
}

TEST_F(Alerts, AccuracyLowFollowsTheReleasesThreshold) {
  send("cam-1", {.labelled = 60, .correct = 58});
  tick();
  EXPECT_EQ(states(), "");
  send("cam-1", {.labelled = 60, .correct = 10});
  tick();
  restart();
  tick();
  EXPECT_EQ(states(), "accuracy_low:cam-1:firing");
  EXPECT_NEAR(database.value<double>("select threshold from alerts"), 0.94, 1e-9);
  for (int i = 0; i < 4; ++i) send("cam-1", {.labelled = 60, .correct = 59});
  tick();
  EXPECT_EQ(states(), "accuracy_low:cam-1:resolved");
}

TEST_F(Alerts, GoneDarkFollowsPresence) {
  database.exec(
      "update device_state set presence = 'offline', presence_reason = 'silent for 5 minutes' where device_id = "
      "'cam-2'");
  tick();
  tick();
  EXPECT_EQ(states(), "gone_dark:cam-2:firing");
  EXPECT_EQ(database.value<std::string>("select message from alerts"), "cam-2 has gone dark: silent for 5 minutes");
  restart();
  database.exec("update device_state set presence = 'late' where device_id = 'cam-2'");
  tick();
  EXPECT_EQ(states(), "gone_dark:cam-2:firing") << "late is not back yet";
  database.exec("update device_state set presence = 'online' where device_id = 'cam-2'");
  tick();
  EXPECT_EQ(states(), "gone_dark:cam-2:resolved");
  database.exec("update device_state set presence = 'offline' where device_id = 'cam-2'");
  tick();
  EXPECT_EQ(states(), "gone_dark:cam-2:resolved gone_dark:cam-2:firing") << "a second episode is a second alert";
  EXPECT_EQ(events("alert.firing"), 2);
}

TEST_F(Alerts, DriftFollowsTheVerdicts) {
  database.exec(
      "insert into drift_state (device_id, model, version, feature, psi, samples, drifted, since, updated_at) "
      "values ('cam-1', 'digits', '1.0', 'sharpness', 0.5, 400, true, now(), now()), "
      "('cam-1', 'digits', '1.0', 'level', 0.05, 400, false, now(), now())");
  tick();
  tick();
  EXPECT_EQ(states(), "drift:cam-1:firing");
  EXPECT_EQ(database.value<std::string>("select message from alerts"),
            "cam-1: the input of digits has drifted (\"sharpness\" PSI 0.50)");
  database.exec("update drift_state set drifted = false, psi = 0.02");
  tick();
  EXPECT_EQ(states(), "drift:cam-1:resolved");
}

TEST_F(Alerts, AnInputContractThatIsBrokenHasAnAlertUntilItIsKept) {
  database.exec(
      "insert into contract_breaches (device_id, model, version, breaches, message, since, updated_at) "
      "values ('cam-1', 'digits', '1.0', '[]', 'it is zero', now(), now())");
  tick();
  tick();
  EXPECT_EQ(states(), "input_contract:cam-1:firing");
  EXPECT_EQ(database.value<std::string>("select message from alerts"),
            "cam-1: the input of digits breaks its contract: it is zero");
  database.exec("delete from contract_breaches");
  tick();
  EXPECT_EQ(states(), "input_contract:cam-1:resolved");
}

TEST_F(Alerts, OnDriftOfADeviceAsAWholeEndInAWholeSentence) {
  database.exec(
      "insert into alerts (rule, severity, device_id, state, message, opened_at, fired_at) "
      "values ('drift', 'warning', 'cam-1', 'firing', 'cam-1 has drifted', now(), now())");
  database.exec("update device_state set presence = 'late' where device_id = 'cam-1'");
  tick();
  EXPECT_EQ(states(), "drift:cam-1:resolved");
  EXPECT_EQ(database.value<std::string>("select details ->> 'resolution' from alerts"),
            "cam-1: its input looks as it did in training again");
}

TEST_F(Alerts, OnADeviceThatHasGoneDarkForNoKnownReasonSayNoMore) {
  database.exec("update device_state set presence = 'offline', presence_reason = '' where device_id = 'cam-2'");
  tick();
  EXPECT_EQ(database.value<std::string>("select message from alerts"), "cam-2 has gone dark");
}

TEST_F(Alerts, OfARevokedDeviceEnd) {
  feed(10, 8);
  feed(25, 3);
  database.exec("update device_state set presence = 'offline' where device_id = 'cam-1'");
  tick();
  database.exec("update devices set revoked_at = now() where id = 'cam-1'");
  tick();
  EXPECT_EQ(states(), "latency_doubled:cam-1:resolved gone_dark:cam-1:resolved");
}

TEST_F(Alerts, EveryDeviceHasItsTurnWhateverItsName) {
  AlertOptions options;
  options.watch.batch = 1;
  options.watch.budget = Duration{0};  // one batch a tick
  options.watch.sweep_interval = Duration{1000};
  alerts.emplace(pool, options);
  test::add_device(database, "zebra");
  for (int i = 0; i < 4; ++i) {
    for (const char* device : {"cam-1", "cam-2", "zebra"}) send(device, {.latency_ms = 10});
    tick();
  }
  EXPECT_EQ(database.value<int>("select count(*) from latency_baselines"), 3);
  EXPECT_GT(alerts->watch_figures(clock).oldest_wait, Duration{0}) << "the next ones wait, and it can be seen";
}

TEST_F(Alerts, OneDevicesRowsThatCannotBeJudgedHoldUpNobody) {
  for (int i = 3; i <= 9; ++i) test::add_device(database, "cam-" + std::to_string(i));
  for (int i = 1; i <= 9; ++i) send("cam-" + std::to_string(i), {.latency_ms = 10});
  database.exec(
      "create function refuse() returns trigger language plpgsql as $$ begin "
      "if new.device_id in ('cam-2', 'cam-7') then raise exception 'no' using errcode = '22000'; end if; "
      "return new; end $$");
  database.exec("create trigger refuse before insert on latency_baselines for each row execute function refuse()");
  tick();
  EXPECT_EQ(database.value<int>("select count(*) from latency_baselines"), 7);
  EXPECT_EQ(alerts->watch_figures(clock).counters.set_aside, 2u);
  tick();
  EXPECT_EQ(alerts->watch_figures(clock).counters.set_aside, 2u) << "not at once again";
  database.exec("drop trigger refuse on latency_baselines");
  clock += Duration{600'000};
  tick();
  EXPECT_EQ(database.value<int>("select count(*) from latency_baselines"), 9) << "but later";
}

TEST_F(Alerts, AHistoryLongerThanOneLookIsJudgedToItsEnd) {
  clock += 320 * Duration{60'000};
  const auto history = test::batch_of_windows("cam-1", 1, 320, Duration{60'000}, {.started_at = clock});
  ASSERT_TRUE(run_task(io, telemetry.ingest({history}, clock)));
  next_seq["cam-1"] = 320;
  for (int i = 0; i < 3; ++i) send("cam-1", {.latency_ms = 60});
  tick();
  EXPECT_EQ(states(), "latency_doubled:cam-1:firing");
  EXPECT_EQ(database.value<int>("select windows from latency_baselines"), 320);
}

TEST_F(Alerts, WhatWasRememberedBeforeAnUpdateOfTheServerGoesOn) {
  feed(10, 8);
  feed(25, 3);
  database.exec("update latency_baselines set read_until = null, recent = '[]', labels = 'nonsense'");
  restart();
  feed(11, 3);
  EXPECT_EQ(states(), "latency_doubled:cam-1:firing");
  feed(11, 1);
  EXPECT_EQ(states(), "latency_doubled:cam-1:resolved");
}

TEST_F(Alerts, TheLatencyOfOnlySoManyVersionsIsRemembered) {
  for (int i = 0; i < 20; ++i) {
    send("cam-1", {.latency_ms = 10, .version = "1." + std::to_string(i)});
    tick();
  }
  EXPECT_EQ(database.value<int>("select count(*) from latency_baselines"), 8);
  EXPECT_EQ(database.value<int>("select count(*) from latency_baselines where version = '1.19'"), 1);
}

TEST_F(Alerts, ManyChangesOfPresenceAreAllSeen) {
  AlertOptions options;
  options.levels_at_once = 7;
  alerts.emplace(pool, options);
  for (int i = 0; i < 50; ++i) test::add_device(database, "more-" + std::to_string(i));
  database.exec("update device_state set presence = 'offline' where device_id like 'more-%'");
  database.exec("delete from devices where id = 'more-7'");
  tick();
  EXPECT_EQ(database.value<int>("select count(*) from alerts where rule = 'gone_dark' and state = 'firing'"), 49);
  EXPECT_EQ(database.value<int>("select count(*) from level_changes"), 0);
  database.exec("update device_state set presence = 'online'");
  tick();
  EXPECT_EQ(database.value<int>("select count(*) from alerts where state = 'firing'"), 0);
  EXPECT_EQ(events("alert.resolved"), 49);
}

TEST_F(Alerts, AreListedAndAcknowledged) {
  database.exec("update device_state set presence = 'offline'");
  tick();
  Router router;
  add_alert_routes(router, *alerts);
  Request request;
  request.path = "/api/v1/alerts";
  request.query = {{"state", "firing"}, {"limit", "1"}};
  const auto list = router.match(Method::get, request.path);
  const auto page =
      nlohmann::json::parse(std::get<std::string>(run_task(io, list.route->handler(request)).value().body));
  EXPECT_EQ(page["total"], 2);
  ASSERT_EQ(page["items"].size(), 1u);
  EXPECT_EQ(page["items"][0]["device_id"], "cam-2");
  request.query["cursor"] = page["next_cursor"].get<std::string>();
  const auto next =
      nlohmann::json::parse(std::get<std::string>(run_task(io, list.route->handler(request)).value().body));
  EXPECT_EQ(next["items"][0]["device_id"], "cam-1");
  request.query = {{"state", "wrong"}};
  EXPECT_EQ(run_task(io, list.route->handler(request)).error().code, Errc::invalid_argument);

  const auto id = page["items"][0]["id"].get<std::int64_t>();
  Request post;
  post.path = "/api/v1/alerts/" + std::to_string(id) + "/acknowledge";
  const auto acknowledge = router.match(Method::post, post.path);
  EXPECT_EQ(acknowledge.route->permission, Permission::acknowledge_alerts);
  post.params = acknowledge.params;
  post.principal = {Principal::Kind::user, "ada", Role::operator_};
  post.now = clock;
  const auto alert =
      nlohmann::json::parse(std::get<std::string>(run_task(io, acknowledge.route->handler(post)).value().body));
  EXPECT_EQ(alert["acknowledged_by"], "user:ada");
  EXPECT_EQ(database.value<std::string>("select action || ' ' || object from audit"),
            "alert.acknowledge alert/" + std::to_string(id));
  EXPECT_EQ(run_task(io, alerts->acknowledge(999, "", "user:ada", clock)).error().code, Errc::not_found);
  database.exec("update device_state set presence = 'online'");
  tick();
  const auto other = next["items"][0]["id"].get<std::int64_t>();
  EXPECT_EQ(run_task(io, alerts->acknowledge(other, "", "user:ada", clock)).error().code, Errc::illegal_transition);
}

}  // namespace
}  // namespace argosy::server
