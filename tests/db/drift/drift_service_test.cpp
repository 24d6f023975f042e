#include "server/drift/drift_service.hpp"

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

namespace argosy::server {
namespace {

using test::run_task;
using test::window;

const Instant start = parse_rfc3339("2026-03-01T12:00:00Z").value();
constexpr auto reference =
    R"({"features": [{"name": "sharpness", "edges": [1, 2, 3], "counts": [0, 500, 500, 0, 0]}]})";
const std::vector<std::uint64_t> as_in_training{0, 25, 25, 0, 0};
const std::vector<std::uint64_t> dirty_lens{50, 0, 0, 0, 0};

class Drift : public ::testing::Test {
 protected:
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
    options.evidence.samples = 400;
    options.watch.limits.interval = Duration{1000};
    options.watch.budget = test::task_deadline;
    options.watch.sweep_interval = Duration{1000};
    drift.emplace(pool, options);
  }
  // `windows` windows of a minute with 50 samples each, and a tick of the service after each.
  void feed(const std::string& device, const std::vector<std::uint64_t>& counts, int windows,
            const std::string& version = "1.0") {
    for (int i = 0; i < windows; ++i) {
      clock += Duration{60'000};
      auto& seq = next_seq[device];
      auto content = window({.started_at = clock, .version = version, .features = {{"sharpness", counts}}});
      database.exec("insert into device_models (device_id, model, version) values ('" + device + "', 'digits', '" +
                    version + "') on conflict do nothing");
      ASSERT_TRUE(run_task(io, telemetry.ingest({test::batch(device, ++seq, content)}, clock)));
      tick();
    }
  }
  void tick() { ASSERT_TRUE(run_task(io, drift->tick(clock))); }
  FeatureDrift state_of(const std::string& device) { return run_task(io, drift->of_device(device)).value().at(0); }
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
  feed("cam-1", dirty_lens, 5);
  EXPECT_FALSE(state_of("cam-1").drifted);
  EXPECT_EQ(state_of("cam-1").measures.samples, 250u);
  EXPECT_EQ(events("drift.detected"), 0);
}

TEST_F(Drift, IsDetectedOnceAndClearedOnceTheInputIsBack) {
  feed("cam-1", as_in_training, 8);
  EXPECT_FALSE(state_of("cam-1").drifted);
  EXPECT_LT(state_of("cam-1").measures.psi, 0.1);
  feed("cam-1", dirty_lens, 8);
  const auto drifted = state_of("cam-1");
  EXPECT_TRUE(drifted.drifted);
  EXPECT_GT(drifted.measures.psi, 1);
  EXPECT_EQ(drifted.measures.samples, 400u) << "the rolling histogram";
  EXPECT_EQ(drifted.present, (std::vector<std::uint64_t>{400, 0, 0, 0, 0}));
  EXPECT_EQ(drifted.scope, DriftScope::unknown) << "no peers";
  restart();
  feed("cam-1", as_in_training, 8);
  EXPECT_FALSE(state_of("cam-1").drifted);
  EXPECT_EQ(events("drift.detected"), 1);
  EXPECT_EQ(events("drift.cleared"), 1);
}

TEST_F(Drift, PeersTellThisDeviceFromTheFleet) {
  for (int i = 2; i <= 7; ++i) feed("cam-" + std::to_string(i), as_in_training, 8);
  feed("cam-1", dirty_lens, 8);
  EXPECT_EQ(state_of("cam-1").scope, DriftScope::device);
  for (int i = 2; i <= 6; ++i) feed("cam-" + std::to_string(i), dirty_lens, 8);
  EXPECT_EQ(state_of("cam-1").scope, DriftScope::fleet);
}

TEST_F(Drift, ANewVersionStartsAfresh) {
  feed("cam-1", dirty_lens, 8);
  EXPECT_TRUE(state_of("cam-1").drifted);
  feed("cam-1", dirty_lens, 1, "1.1");
  EXPECT_EQ(state_of("cam-1").version, "1.1");
  EXPECT_EQ(state_of("cam-1").measures.samples, 50u);
  EXPECT_FALSE(state_of("cam-1").drifted);
}

TEST_F(Drift, AWindowWithOtherBinsOrUnknownFeaturesIsOfNoUse) {
  feed("cam-1", {1, 2, 3}, 8);
  EXPECT_EQ(state_of("cam-1").measures.samples, 0u);
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
  EXPECT_EQ(state_of("cam-1").present, (std::vector<std::uint64_t>{50, 75, 75, 0, 0}));
}

TEST_F(Drift, EvidenceThatCannotBeReadIsGatheredAnew) {
  feed("cam-1", as_in_training, 6);
  database.exec("update drift_evidence set evidence = '{\"features\": 7}'");
  feed("cam-1", as_in_training, 1);
  EXPECT_EQ(state_of("cam-1").measures.samples, 350u);
}

TEST_F(Drift, ManySmallWindowsAreGatheredPageByPage) {
  clock += 10 * Duration{60'000};
  const auto history = test::batch_of_windows("cam-1", 1, 420, Duration{1000},
                                              {.started_at = clock, .features = {{"sharpness", {0, 1, 0, 0, 0}}}});
  ASSERT_TRUE(run_task(io, telemetry.ingest({history}, clock)));
  database.exec("insert into device_models (device_id, model, version) values ('cam-1', 'digits', '1.0')");
  tick();
  EXPECT_EQ(state_of("cam-1").measures.samples, 400u);
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
  EXPECT_TRUE(state_of("cam-2").drifted);
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
  EXPECT_EQ(item["present"], nlohmann::json({0, 200, 200, 0, 0}));
  request.params["id"] = "nobody";
  EXPECT_EQ(run_task(io, match.route->handler(request)).error().code, Errc::not_found);
}

}  // namespace
}  // namespace argosy::server
