#include "server/drift/drift_service.hpp"

#include <map>
#include <optional>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/db/db_pool.hpp"
#include "server/drift/drift_api.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/telemetry/telemetry_service.hpp"
#include "tests/support/fleet_rows.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/window_rows.hpp"

namespace argosy::server {
namespace {

using test::run_task;
using test::window;

const Instant start = parse_rfc3339("2026-03-01T12:00:00Z").value();
constexpr auto reference =
    R"({"features": [{"name": "sharpness", "edges": [1, 2, 3], "counts": [0, 500, 500, 0, 0]}]})";
const std::vector<std::uint64_t> as_in_training{0, 25, 25, 0, 0};
const std::vector<std::uint64_t> dirty_lens{50, 0, 0, 0, 0};
const std::vector<std::string> peers{"cam-2", "cam-3", "cam-4", "cam-5", "cam-6", "cam-7"};

// A day of 24 minutes: an hour is a minute, in which each device sends a window.
class Drift : public ::testing::Test {
 protected:
  using Counts = std::vector<std::uint64_t>;

  void SetUp() override {
    for (int i = 1; i <= 7; ++i) test::add_device(database, "cam-" + std::to_string(i));
    test::add_release(database, "digits", "1.0", reference);
    test::add_release(database, "digits", "1.1", reference);
    ASSERT_TRUE(run_task(io, telemetry.tick(start)));
    restart();
  }
  // As after a restart of the server: only what lies in the database is left.
  void restart() {
    DriftOptions options;
    options.rules.evidence.look = Duration{24 * 60'000};
    options.watch.limits.interval = Duration{1000};
    options.watch.budget = test::task_deadline;
    options.watch.sweep_interval = Duration{1000};
    drift.emplace(pool, options);
  }
  void feed(const std::map<std::string, Counts>& counts, int windows, const std::string& version = "1.0") {
    for (int i = 0; i < windows; ++i) {
      clock += Duration{60'000};
      std::vector<wire::TelemetryBatch> batches;
      for (const auto& [device, of] : counts) {
        database.exec("insert into device_models (device_id, model, version) values ('" + device + "', 'digits', '" +
                      version + "') on conflict do nothing");
        const auto content = window({.started_at = clock, .version = version, .features = {{"sharpness", of}}});
        batches.push_back(test::batch(device, ++next_seq[device], content));
      }
      ASSERT_TRUE(run_task(io, telemetry.ingest(batches, clock)));
      tick();
    }
  }
  void feed(const std::string& device, const Counts& counts, int windows, const std::string& version = "1.0") {
    feed(std::map<std::string, Counts>{{device, counts}}, windows, version);
  }
  std::map<std::string, Counts> fleet(const Counts& of_first, const Counts& of_others) {
    std::map<std::string, Counts> counts{{"cam-1", of_first}};
    for (const auto& peer : peers) counts[peer] = of_others;
    return counts;
  }
  void tick() { ASSERT_TRUE(run_task(io, drift->tick(clock))); }
  FeatureDrift state_of(const std::string& device) {
    return run_task(io, drift->of_device(device)).value().features.at(0);
  }
  int events(const std::string& kind) {
    return database.value<int>("select count(*) from events where kind = '" + kind + "'");
  }

  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 1}};
  TelemetryService telemetry{pool};
  std::optional<DriftService> drift;
  std::map<std::string, std::uint64_t> next_seq;
  Instant clock = start;
};

TEST_F(Drift, SaysNothingBeforeItHasItsSamples) {
  feed("cam-1", dirty_lens, 1);
  EXPECT_EQ(state_of("cam-1").said.kind, DriftVerdictKind::waiting);
  EXPECT_EQ(state_of("cam-1").said.measures.samples, 50u);
  EXPECT_EQ(events("drift.detected"), 0);
}

TEST_F(Drift, OfADeviceWithoutPeersItIsADiagnosisAndPagesNobody) {
  feed("cam-1", dirty_lens, 12);
  EXPECT_EQ(state_of("cam-1").said.kind, DriftVerdictKind::moved);
  EXPECT_EQ(state_of("cam-1").said.scope, DriftScope::unknown);
  EXPECT_TRUE(state_of("cam-1").envelope);
  EXPECT_EQ(events("drift.detected"), 0);
}

TEST_F(Drift, IsDetectedOnceAndClearedOnceTheInputIsBack) {
  feed(fleet(as_in_training, as_in_training), 8);
  EXPECT_EQ(state_of("cam-1").said.kind, DriftVerdictKind::stable);
  EXPECT_LT(state_of("cam-1").said.measures.psi, 0.1);
  feed(fleet(dirty_lens, as_in_training), 14);
  const auto drifted = state_of("cam-1");
  EXPECT_EQ(drifted.said.kind, DriftVerdictKind::drifted);
  EXPECT_EQ(drifted.said.scope, DriftScope::device);
  EXPECT_GT(drifted.said.measures.psi, 1);
  EXPECT_GE(drifted.said.votes, 6);
  EXPECT_EQ(drifted.present, (Counts{700, 200, 200, 0, 0})) << "the rolling histogram";
  EXPECT_EQ(state_of("cam-2").said.kind, DriftVerdictKind::stable);
  restart();
  feed(fleet(as_in_training, as_in_training), 38);
  EXPECT_EQ(state_of("cam-1").said.kind, DriftVerdictKind::stable);
  EXPECT_EQ(events("drift.detected"), 1);
  EXPECT_EQ(events("drift.cleared"), 1);
}

TEST_F(Drift, WhatMostDevicesShowIsASeasonAndPagesNobody) {
  feed(fleet(as_in_training, as_in_training), 4);
  feed(fleet(dirty_lens, dirty_lens), 58);
  EXPECT_EQ(state_of("cam-1").said.kind, DriftVerdictKind::moved);
  EXPECT_EQ(state_of("cam-1").said.scope, DriftScope::fleet);
  EXPECT_EQ(events("drift.detected"), 0);
  EXPECT_EQ(events("drift.season"), 1);
  const auto fleet_now = run_task(io, drift->of_fleet()).value();
  ASSERT_EQ(fleet_now.fleet.size(), 1u);
  EXPECT_TRUE(fleet_now.fleet.front().called_at);
  EXPECT_EQ(fleet_now.devices.size(), 7u);
  restart();
  feed(fleet(dirty_lens, dirty_lens), 5);
  EXPECT_EQ(events("drift.season"), 1) << "told once";
  feed(fleet(as_in_training, as_in_training), 40);
  EXPECT_EQ(events("drift.season_over"), 1);
}

TEST_F(Drift, AnInputThatBreaksItsContractIsToldOnceAndItsEnd) {
  const Counts not_a_number{0, 0, 0, 0, 50};
  feed("cam-1", as_in_training, 8);
  EXPECT_TRUE(run_task(io, drift->of_device("cam-1")).value().contracts.empty());
  feed("cam-1", not_a_number, 12);
  const auto broken = run_task(io, drift->of_device("cam-1")).value().contracts;
  ASSERT_EQ(broken.size(), 1u);
  EXPECT_EQ(nlohmann::json::parse(broken.front().breaches_json)[0]["fault"], "not_a_number");
  EXPECT_EQ(events("contract.broken"), 1);
  EXPECT_GT(database.value<int>("select count(*) from level_changes"), 0);
  restart();
  feed("cam-1", not_a_number, 2);
  EXPECT_EQ(events("contract.broken"), 1);
  feed("cam-1", as_in_training, 25);
  EXPECT_EQ(events("contract.kept"), 1);
  EXPECT_EQ(database.value<int>("select count(*) from contract_breaches"), 0);
}

TEST_F(Drift, ANewVersionStartsAfresh) {
  feed("cam-1", dirty_lens, 8);
  feed("cam-1", dirty_lens, 1, "1.1");
  EXPECT_EQ(state_of("cam-1").version, "1.1");
  EXPECT_EQ(state_of("cam-1").said.measures.samples, 50u);
  EXPECT_EQ(state_of("cam-1").said.kind, DriftVerdictKind::waiting);
}

TEST_F(Drift, ABreachOfAnotherVersionEndsWithIt) {
  feed("cam-1", {0, 0, 0, 0, 50}, 20);
  ASSERT_EQ(database.value<int>("select count(*) from contract_breaches"), 1);
  feed("cam-1", as_in_training, 2, "1.1");
  EXPECT_EQ(database.value<int>("select count(*) from contract_breaches"), 0);
  EXPECT_EQ(events("contract.kept"), 1);
}

TEST_F(Drift, ABreachEndsWithTheModelOnTheDevice) {
  database.exec("insert into device_models (device_id, model) values ('cam-1', 'digits') on conflict do nothing");
  feed("cam-1", {0, 0, 0, 0, 50}, 20);
  ASSERT_EQ(database.value<int>("select count(*) from contract_breaches"), 1);
  database.exec("delete from level_changes");
  database.exec("delete from device_models where device_id = 'cam-1'");
  EXPECT_EQ(database.value<int>("select count(*) from contract_breaches"), 0);
  EXPECT_GT(database.value<int>("select count(*) from level_changes"), 0) << "its alert ends";
}

TEST_F(Drift, IsJudgedAgainstTheSameWeeksOfTheYearBefore) {
  const Counts of_then{0, 40, 10, 0, 0};
  for (int i = 0; i < 6; ++i) {
    TakenWindow then;
    then.device = "cam-1";
    then.model = "digits";
    then.version = i % 2 == 0 ? "1.0" : "1.1";
    then.started_at = start - Duration{86'400'000} * (368 - i);
    then.ended_at = then.started_at + Duration{6'000'000};
    then.count = 50;
    then.features = {{"sharpness", of_then}};
    test::add_window(database, then, static_cast<std::uint64_t>(1000 + i));
  }
  feed("cam-1", as_in_training, 8);
  EXPECT_EQ(state_of("cam-1").said.against, Against::last_year);
  EXPECT_EQ(state_of("cam-1").last_year, (Counts{0, 240, 60, 0, 0}));
  database.exec("delete from telemetry_windows where started_at < '2025-12-01'");
  restart();
  feed("cam-1", as_in_training, 2);
  EXPECT_EQ(state_of("cam-1").said.against, Against::last_year) << "it is not read each time";
  clock += Duration{86'400'000} * 14;
  feed("cam-1", as_in_training, 30);
  EXPECT_NE(state_of("cam-1").said.against, Against::last_year) << "but about once a week";
}

TEST_F(Drift, AReferenceOfThreeSamplesGivesNoVerdict) {
  database.exec(R"(update releases set reference =
    '{"features": [{"name": "sharpness", "edges": [1, 2, 3], "counts": [0, 2, 1, 0, 0]}]}' where version = '1.0')");
  feed(fleet(dirty_lens, as_in_training), 20);
  EXPECT_EQ(state_of("cam-1").said.kind, DriftVerdictKind::waiting);
  EXPECT_EQ(database.value<int>("select count(*) from contract_breaches"), 0);
}

TEST_F(Drift, AWindowWithOtherBinsOrUnknownFeaturesIsOfNoUse) {
  feed("cam-1", {1, 2, 3}, 8);
  EXPECT_EQ(state_of("cam-1").said.measures.samples, 0u);
}

TEST_F(Drift, AWindowThatComesLateCounts) {
  feed("cam-1", as_in_training, 3);
  const Instant late = clock - Duration{90'000};
  auto content = window({.started_at = late, .features = {{"sharpness", dirty_lens}}});
  ASSERT_TRUE(run_task(io, telemetry.ingest({test::batch("cam-1", ++next_seq["cam-1"], content)}, clock)));
  TakenWindow heard;
  heard.device = "cam-1";
  heard.model = "digits";
  heard.version = "1.0";
  heard.started_at = late;
  drift->take(std::vector<TakenWindow>{heard}, clock);
  clock += Duration{1000};
  tick();
  EXPECT_EQ(state_of("cam-1").present, (Counts{50, 75, 75, 0, 0}));
}

TEST_F(Drift, EvidenceThatCannotBeReadIsGatheredAnew) {
  feed("cam-1", as_in_training, 6);
  database.exec("update drift_evidence set evidence = '{\"features\": 7}'");
  feed("cam-1", as_in_training, 1);
  EXPECT_EQ(state_of("cam-1").said.measures.samples, 350u);
}

TEST_F(Drift, ManySmallWindowsAreGatheredPageByPage) {
  clock += 10 * Duration{60'000};
  const auto history = test::batch_of_windows("cam-1", 1, 420, Duration{1000},
                                              {.started_at = clock, .features = {{"sharpness", {0, 1, 0, 0, 0}}}});
  ASSERT_TRUE(run_task(io, telemetry.ingest({history}, clock)));
  database.exec("insert into device_models (device_id, model, version) values ('cam-1', 'digits', '1.0')");
  tick();
  EXPECT_EQ(state_of("cam-1").said.measures.samples, 420u);
  EXPECT_EQ(drift->watch_figures(clock).waiting, 0u);
}

TEST_F(Drift, AVerdictThatStaysIsNotWrittenAgain) {
  feed("cam-1", as_in_training, 8);
  const auto written = database.value<std::string>("select max(updated_at)::text from drift_state");
  feed("cam-1", as_in_training, 3);
  EXPECT_EQ(database.value<std::string>("select max(updated_at)::text from drift_state"), written);
  EXPECT_EQ(state_of("cam-1").updated_at, clock) << "though it was judged";
  database.exec("update drift_state set updated_at = updated_at - interval '6 hours'");
  feed("cam-1", as_in_training, 1);
  EXPECT_EQ(database.value<int>("select count(*) from drift_state where updated_at >= '" + written + "'"), 1)
      << "but some times a day, so that retention sees that it is alive";
}

TEST_F(Drift, WindowsOfOddShapesHoldUpNobody) {
  feed("cam-1", as_in_training, 1);
  for (const char* figures : {"", "07", "010000", "0100000000000002ffff"}) {
    clock += Duration{60'000};
    auto content = window({.started_at = clock, .features = {{"sharpness", as_in_training}}});
    ASSERT_TRUE(run_task(io, telemetry.ingest({test::batch("cam-1", ++next_seq["cam-1"], content)}, clock)));
    database.exec("update telemetry_windows set figures = decode('" + std::string(figures) +
                  "', 'hex') where started_at = '" + to_rfc3339(clock) + "'");
  }
  feed("cam-2", dirty_lens, 8);
  EXPECT_EQ(state_of("cam-2").said.kind, DriftVerdictKind::moved);
  EXPECT_EQ(drift->watch_figures(clock).counters.set_aside, 0u);
}

TEST_F(Drift, TheScreenGetsBothHistograms) {
  feed("cam-1", as_in_training, 8);
  Router router;
  add_drift_routes(router, *drift);
  Request request;
  request.path = "/api/v1/devices/cam-1/drift";
  const auto match = router.match(Method::get, request.path);
  request.params = match.params;
  const auto response = run_task(io, match.route->handler(request));
  ASSERT_TRUE(response);
  const auto item = nlohmann::json::parse(std::get<std::string>(response->body))["items"][0];
  EXPECT_EQ(item["feature"], "sharpness");
  EXPECT_EQ(item["verdict"], "stable");
  EXPECT_EQ(item["edges"], nlohmann::json({1.0, 2.0, 3.0}));
  EXPECT_EQ(item["reference"], nlohmann::json({0, 500, 500, 0, 0}));
  EXPECT_EQ(item["against"], "training");
  EXPECT_EQ(item["present"], nlohmann::json({0, 200, 200, 0, 0}));
  request.params["id"] = "nobody";
  EXPECT_EQ(run_task(io, match.route->handler(request)).error().code, Errc::not_found);
}

}  // namespace
}  // namespace argosy::server
