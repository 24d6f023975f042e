#include "server/overview/overview_store.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/stats/log_histogram.hpp"
#include "server/alerts/alert_service.hpp"
#include "server/db/db_pool.hpp"
#include "server/telemetry/partition_store.hpp"
#include "tests/support/fleet_rows.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/window_rows.hpp"

namespace argosy::server {
namespace {

const Instant noon = parse_rfc3339("2026-03-01T12:00:00Z").value();

class OverviewOfAFleet : public ::testing::Test {
 protected:
  void SetUp() override {
    pqxx::work transaction(database.connection());
    KeepPartitions{noon}(transaction);
    transaction.commit();
  }
  // As the instance that leads sees the fleet and tells of it.
  void judge() {
    database.exec("insert into device_models (device_id, model, version) select id, 'digits', '1.0' from devices");
    database.exec("update device_state set last_seen_at = '" + to_rfc3339(noon) + "'");
    boost::asio::io_context io;
    DbPool pool(io.get_executor(), {.conninfo = database.conninfo(), .threads = 1});
    AlertService alerts(pool);
    ASSERT_TRUE(test::run_task(io, alerts.tick(noon)));
    ASSERT_TRUE(test::run_task(io, alerts.tell_worst(noon)));
  }
  Overview read(Duration later = Duration{0}) {
    pqxx::work transaction(database.connection());
    Overview overview;
    for (const Panel& panel : overview_panels()) {
      auto read = ReadPanel{panel.read, noon + later, {}}(transaction);
      panel.take(read, overview);
    }
    return overview;
  }
  void add_window(const std::string& device, double p95_ms, int labelled, int correct, int age_s) {
    TakenWindow window{.device = device, .model = "digits", .version = "1.0"};
    window.started_at = noon - std::chrono::seconds(age_s);
    window.ended_at = window.started_at + std::chrono::seconds(30);
    window.count = 100;
    window.labelled = static_cast<std::uint64_t>(labelled);
    window.correct = static_cast<std::uint64_t>(correct);
    window.latency.add(p95_ms, 100);
    test::add_window(database, window, static_cast<std::uint64_t>(++seq));
  }
  // What was judged of a device before its windows here.
  void add_usual(const std::string& device, const std::string& ln_p95) {
    database.exec(
        "insert into latency_baselines (device_id, model, version, ln_p95_mean, windows, updated_at) values ('" +
        device + "', 'digits', '1.0', " + ln_p95 + ", 100, '" + to_rfc3339(noon - std::chrono::hours(2)) + "')");
  }

  test::TestDatabase database;
  int seq = 0;
};

TEST_F(OverviewOfAFleet, ALatencyOfNothingIsShownAndOrderedLast) {
  for (const char* device : {"zero", "slow", "odd"}) test::add_device(database, device);
  add_usual("zero", "ln(5)");
  add_usual("slow", "ln(5)");
  add_usual("odd", "1e300");
  add_window("zero", 0, 0, 0, 50);
  add_window("slow", 20, 0, 0, 50);
  add_window("odd", 7, 0, 0, 50);
  judge();
  const auto worst = read().worst_latency;
  ASSERT_EQ(worst.size(), 3u);
  EXPECT_EQ(worst[0].device, "slow");
  EXPECT_EQ(worst[1].device, "odd");
  EXPECT_FALSE(worst[1].usual) << "no number that a latency could be";
  EXPECT_EQ(worst[2].device, "zero");
}

TEST_F(OverviewOfAFleet, APanelThatCannotBeReadLeavesTheOthers) {
  boost::asio::io_context io;
  DbPool pool(io.get_executor(), {.conninfo = database.conninfo(), .threads = 1});
  OverviewService overview{pool};
  test::add_device(database, "cam-1");
  database.exec("alter table drift_state rename to drift_state_lost");
  const auto read = test::run_task(io, overview.current(noon));
  EXPECT_EQ(read->presence.at("never_seen"), 1);
  ASSERT_EQ(read->unavailable.size(), 1u);
  EXPECT_EQ(read->unavailable.begin()->first, "worst.drift");
  const auto document = nlohmann::json::parse(overview_to_json(*read));
  EXPECT_TRUE(document["worst"]["drift"].is_null());
  EXPECT_TRUE(document["worst"]["latency"].is_array());
  EXPECT_TRUE(document["unavailable"].contains("worst.drift"));
}

TEST_F(OverviewOfAFleet, OfAnEmptyDatabaseIsEmpty) {
  const auto overview = read();
  EXPECT_TRUE(overview.presence.empty());
  EXPECT_EQ(overview.windows_last_minute, 0);
}

TEST_F(OverviewOfAFleet, CountsWhatIsThereAndNoRevokedDevice) {
  for (const char* device : {"cam-1", "cam-2", "cam-3", "gone"}) test::add_device(database, device);
  database.exec("update devices set revoked_at = now() where id = 'gone'");
  database.exec("update device_state set presence = 'online' where device_id in ('cam-1', 'cam-2', 'gone')");
  database.exec(
      "insert into device_models (device_id, model, version) values ('cam-1', 'digits', '1.0'), "
      "('cam-2', 'digits', '1.1'), ('cam-3', 'digits', '1.0'), ('gone', 'digits', '0.9')");
  const auto overview = read();
  EXPECT_EQ(overview.presence, (std::map<std::string, std::int64_t>{{"never_seen", 1}, {"online", 2}}));
  ASSERT_EQ(overview.models.size(), 1u);
  ASSERT_EQ(overview.models[0].versions.size(), 2u);
  EXPECT_EQ(overview.models[0].versions[0].version, "1.0");
  EXPECT_EQ(overview.models[0].versions[0].devices, 2);
}

TEST_F(OverviewOfAFleet, ShowsTheWorstAgainstTheirOwnUsualLatency) {
  for (const char* device : {"slow", "usual", "silent"}) test::add_device(database, device);
  test::add_release(database, "digits", "1.0", "{}", R"({"metric": "accuracy", "threshold": 0.94})");
  add_usual("slow", "ln(5)");
  add_usual("usual", "ln(100)");
  add_window("slow", 20, 50, 25, 50);
  add_window("usual", 100, 50, 50, 50);
  add_window("usual", 900, 0, 0, 110);
  add_window("silent", 500, 50, 0, 3600);
  judge();
  const std::string rates = "insert into window_rates (instance, windows_last_minute, counted_at) values ";
  database.exec(
      rates +
      "('a', 1, '2026-03-01T11:59:58Z'), ('b', 1, '2026-03-01T11:59:57Z'), ('gone', 7, '2026-03-01T11:50:00Z')");
  database.exec(
      "insert into drift_state (device_id, model, version, feature, psi, samples, drifted, since, updated_at) "
      "values ('slow', 'digits', '1.0', 'sharpness', 0.5, 400, true, now(), now())");
  const auto overview = read();
  ASSERT_EQ(overview.worst_latency.size(), 2u);
  EXPECT_EQ(overview.worst_latency[0].device, "slow");
  EXPECT_NEAR(*overview.worst_latency[0].usual, 5, 1e-9);
  EXPECT_NEAR(overview.worst_latency[1].value, 100, 1) << "the newest window";
  ASSERT_EQ(overview.worst_accuracy.size(), 2u);
  EXPECT_EQ(overview.worst_accuracy[0].device, "slow");
  EXPECT_NEAR(*overview.worst_accuracy[0].usual, 0.94, 1e-9);
  EXPECT_EQ(overview.worst_drift.at(0).feature, "sharpness");
  EXPECT_EQ(overview.windows_last_minute, 2);
}

TEST_F(OverviewOfAFleet, ShowsNothingOfTheWorstThatIsOldWhenNobodyLeads) {
  test::add_device(database, "slow");
  add_window("slow", 20, 50, 25, 50);
  judge();
  EXPECT_EQ(read().worst_latency.size(), 1u);
  EXPECT_EQ(read(std::chrono::seconds(131)).worst_latency.size(), 0u);
  EXPECT_EQ(read(std::chrono::seconds(131)).worst_accuracy.size(), 1u);
  EXPECT_EQ(read(std::chrono::seconds(251)).worst_accuracy.size(), 0u);
}

TEST_F(OverviewOfAFleet, ShowsFiringAlertsAndActiveRollouts) {
  test::add_device(database, "cam-1");
  test::add_release(database, "digits", "1.0");
  database.exec(
      "insert into alerts (rule, severity, device_id, state, message, opened_at, fired_at) values "
      "('gone_dark', 'critical', 'cam-1', 'firing', 'dark', now(), now()), "
      "('gone_dark', 'critical', 'cam-1', 'resolved', 'old', now(), now()), "
      "('drift', 'warning', 'cam-1', 'pending', 'not yet', now(), null)");
  database.exec(
      "insert into rollouts (name, model, release_id, policy, seed, state, created_by) "
      "select 'digits 1.0', 'digits', id, '{}', 1, unnest(array['running', 'completed']), 'ada' from releases");
  database.exec(
      "insert into rollout_waves (rollout_id, wave, share, planned, counts) select id, unnest(array[0, 1]), 0.5, 5, "
      "'{\"succeeded\": 2, \"download\": 1}' from rollouts");
  const auto overview = read();
  EXPECT_EQ(overview.firing_by_rule, (std::map<std::string, std::int64_t>{{"gone_dark", 1}}));
  ASSERT_EQ(overview.alerts.size(), 1u);
  EXPECT_EQ(overview.alerts[0].message, "dark");
  ASSERT_EQ(overview.rollouts.size(), 1u);
  EXPECT_EQ(overview.rollouts[0].waves, 2);
  EXPECT_EQ(overview.rollouts[0].planned, 10);
  EXPECT_EQ(overview.rollouts[0].counts.at("succeeded"), 4);
  EXPECT_EQ(overview.rollouts[0].counts.at("download"), 2);
}

}  // namespace
}  // namespace argosy::server
