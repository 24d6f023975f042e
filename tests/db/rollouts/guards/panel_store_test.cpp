// Guards on a real database: who is compared, what telemetry adds, looks and their verdicts, and that a server which
// begins anew goes on where the last one stopped.
#include "server/rollouts/guards/panel_store.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "common/stats/log_histogram.hpp"
#include "server/telemetry/telemetry_service.hpp"
#include "server/telemetry/telemetry_store.hpp"
#include "tests/db/rollouts/rollout_fleet.hpp"
#include "tests/support/window_rows.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using std::chrono::minutes;
using std::chrono::seconds;

class Guarded : public RolloutFleet {
 protected:
  static constexpr int devices = 40;  // ten canaries

  Guarded() {
    for (int i = 0; i < devices; ++i) {
      add_device(name_of(i));
      store_window(name_of(i), "1.0", now - minutes(30), 20);
    }
  }

  static std::string name_of(int i) { return "cam-" + std::to_string(100 + i); }

  std::int64_t started_with(const json& guards, json more = json::object()) {
    json policy{{"guards", guards}, {"look_s", 60}, {"warm_up_s", 0}};
    policy.update(more);
    const auto id = started("1.1", policy);
    tick();
    return id;
  }

  // As the database has it from before the rollout.
  void store_window(const std::string& device, const std::string& version, Instant at, double latency_ms) {
    test::add_window(database, taken(device, version, at, latency_ms), static_cast<std::uint64_t>(++seq_));
  }

  TakenWindow taken(const std::string& device, const std::string& version, Instant at, double latency_ms) {
    TakenWindow window{.device = device,
                       .model = "digits",
                       .version = version,
                       .started_at = at,
                       .ended_at = at + minutes(1),
                       .count = 100,
                       .errors = 1,
                       .labelled = 100,
                       .correct = 97};
    window.latency.add(latency_ms, 100);
    return window;
  }

  void feed(const TakenTelemetry& telemetry) {
    pqxx::work transaction(database.connection());
    feed_panels(transaction, telemetry);
    transaction.commit();
  }

  // A minute of everybody: canaries on the new release, the others on the old one.
  void feed_a_minute(std::int64_t id, double canary_ms) {
    const auto updated = devices_in(id, "succeeded");
    const std::set<std::string> canaries(updated.begin(), updated.end());
    TakenTelemetry telemetry;
    for (int i = 0; i < devices; ++i) {
      const bool canary = canaries.contains(name_of(i));
      // Some are a little quicker than others.
      const double spread = 1 + 0.001 * (i % 7);
      telemetry.windows.push_back(taken(name_of(i), canary ? "1.1" : "1.0", now, (canary ? canary_ms : 20) * spread));
    }
    feed(telemetry);
    pass(minutes(1));
  }

  // The same, with what the program reports of its own: a queue as long as is said, and how sure the model was.
  void feed_what_programs_report(std::int64_t id, double canary_queue, double canary_confidence) {
    const auto updated = devices_in(id, "succeeded");
    const std::set<std::string> canaries(updated.begin(), updated.end());
    TakenTelemetry telemetry;
    for (int i = 0; i < devices; ++i) {
      const bool canary = canaries.contains(name_of(i));
      auto window = taken(name_of(i), canary ? "1.1" : "1.0", now, 20);
      for (int value = 0; value < 100; ++value) {
        window.numbers["queue_depth"].add((canary ? canary_queue : 5) + 0.01 * (i % 7));
        window.confidences.add((canary ? canary_confidence : 0.9) + 0.001 * (i % 7));
      }
      telemetry.windows.push_back(std::move(window));
    }
    feed(telemetry);
    pass(minutes(1));
  }

  // Of what was stored before the rollout.
  void report_before(double queue, double confidence) {
    wire::Numbers numbers;
    wire::Confidences confidences;
    for (int value = 0; value < 100; ++value) {
      numbers["queue_depth"].add(queue);
      confidences.add(confidence);
    }
    test::change_windows(database, [&](TakenWindow& window) {
      window.numbers = numbers;
      window.confidences = confidences;
    });
  }

  // What the board measured, before the rollout.
  void store_health(const std::string& device, Instant at, const std::string& sample) {
    database.exec("insert into health_samples (device_id, epoch, seq, at, sample) values ('" + device + "', 'e', " +
                  std::to_string(++seq_) + ", '" + to_rfc3339(at) + "', '" + sample + "')");
  }

  static wire::HealthSample board(double memory_mb, double temperature_c, double power_w) {
    wire::HealthSample sample;
    sample.memory_used_mb = memory_mb;
    sample.cpu_temperature_c = temperature_c;
    sample.power_w = power_w;
    return sample;
  }

  // A minute of everybody, with what boards measure.
  void feed_a_minute_of_health(std::int64_t id, const wire::HealthSample& of_canaries,
                               const wire::HealthSample& of_others) {
    const auto updated = devices_in(id, "succeeded");
    const std::set<std::string> canaries(updated.begin(), updated.end());
    TakenTelemetry telemetry;
    for (int i = 0; i < devices; ++i) {
      const bool canary = canaries.contains(name_of(i));
      telemetry.windows.push_back(taken(name_of(i), canary ? "1.1" : "1.0", now, 20));
      for (int second = 1; second < 60; second += 10)
        telemetry.health.push_back({name_of(i), now + seconds(second), canary ? of_canaries : of_others});
    }
    feed(telemetry);
    pass(minutes(1));
  }

  std::int64_t count(const std::string& sql) { return database.value<std::int64_t>("select count(*) from " + sql); }

 private:
  int seq_ = 0;
};

const json latency_guard = {{{"metric", "latency_p95"}}};

TEST_F(Guarded, ThePanelIsDrawnFromEveryWaveAndKnowsItsPast) {
  const auto id = started_with(latency_guard);
  EXPECT_EQ(count("rollout_panel where is_before_read and old_version = '1.0' and length(before) > 0"), devices);
  EXPECT_EQ(get(id).guards.at(0).verdict, Verdict::waiting);
}

TEST_F(Guarded, ACanaryAsQuickAsTheOthersOpensTheNextWave) {
  const auto id = started_with(latency_guard);
  report_all(id, "notified", "committed");
  tick();
  EXPECT_EQ(get(id).record.wave, 0) << "nothing of the new release is known: the gate holds";
  feed_a_minute(id, 20);
  tick();
  tick();
  EXPECT_EQ(get(id).record.wave, 1) << get(id).gate;
  const auto decided = run(rollouts->decisions(id, 1 << 30, 1)).value().items.front();
  const auto guard = json::parse(decided.inputs_json)["guards"][0];
  EXPECT_EQ(guard["verdict"], "pass");
  EXPECT_EQ(guard["canaries"], 10);
  EXPECT_EQ(guard["controls"], 30);
}

TEST_F(Guarded, ACanaryThatIsSlowerSendsDevicesBack) {
  const auto id = started_with(latency_guard);
  report_all(id, "notified", "committed");
  feed_a_minute(id, 30);
  tick();
  EXPECT_EQ(state_of(id), RolloutState::rolling_back);
  EXPECT_EQ(decisions(id, "roll back"), 1);
  EXPECT_EQ(devices_in(id, "rolling_back").size(), 10U);
}

const json queue_guard = {
    {{"metric", "custom:queue_depth"}, {"worse", "higher"}, {"rollback_margin", 1}, {"promotion_margin", 2}}};

TEST_F(Guarded, WhatAProgramReportsOfItsOwnSendsDevicesBack) {
  report_before(5, 0.9);
  const auto id = started_with(queue_guard);
  report_all(id, "notified", "committed");
  feed_what_programs_report(id, 9, 0.9);
  tick();
  EXPECT_EQ(state_of(id), RolloutState::rolling_back) << get(id).gate;
  const auto seen = get(id).guards.at(0);
  EXPECT_EQ(to_string(seen.metric), "custom:queue_depth");
  EXPECT_NEAR(seen.estimate.value_or(0), 4, 0.1);
  EXPECT_NEAR(seen.before.value_or(0), 5, 0.1);
}

TEST_F(Guarded, WhatAProgramReportsOfItsOwnOpensTheNextWave) {
  report_before(5, 0.9);
  const auto id = started_with({queue_guard[0], {{"metric", "confidence"}}});
  report_all(id, "notified", "committed");
  feed_what_programs_report(id, 5, 0.9);
  tick();
  tick();
  EXPECT_EQ(get(id).record.wave, 1) << get(id).gate;
}

TEST_F(Guarded, AModelThatIsLessSureGoesBack) {
  report_before(5, 0.9);
  const auto id = started_with({{{"metric", "confidence"}}});
  report_all(id, "notified", "committed");
  feed_what_programs_report(id, 5, 0.8);
  tick();
  EXPECT_EQ(state_of(id), RolloutState::rolling_back) << get(id).gate;
}

TEST_F(Guarded, ABoardThatNeedsMoreOnTheNewReleaseSendsDevicesBack) {
  struct Case {
    const char* metric;
    wire::HealthSample worse;
  };
  const wire::HealthSample usual = board(500, 50, 5);
  for (int i = 0; i < devices; ++i)
    for (int minute = 1; minute < 10; ++minute)
      store_health(name_of(i), now - minutes(minute),
                   R"({"memory_used_mb": 500, "cpu_temperature_c": 50, "power_w": 5})");
  for (const Case& one : std::initializer_list<Case>{{"memory_used", board(700, 50, 5)},
                                                     {"cpu_temperature", board(500, 70, 5)},
                                                     {"power", board(500, 50, 7)},
                                                     {"energy_per_inference", board(500, 50, 7)}}) {
    const auto id = started_with({{{"metric", one.metric}}}, {{"gate", {{"bake_s", 0}, {"max_dwell_s", 60}}}});
    report_all(id, "notified", "committed");
    feed_a_minute_of_health(id, one.worse, usual);
    tick();
    EXPECT_EQ(state_of(id), RolloutState::rolling_back) << one.metric << ": " << get(id).gate;
    EXPECT_TRUE(get(id).guards.at(0).before) << one.metric;
    report_all(id, "notified", "committed");
    tick();
  }
}

TEST_F(Guarded, InputsThatLieFarFromWhatTheReleaseWasTrainedOnSendDevicesBack) {
  const std::vector<wire::FeatureCounts> usual = {{"sharpness", {200, 200, 200, 0}}};
  database.exec("update releases set reference = '" +
                std::string(R"({"features": [{"name": "sharpness", "edges": [1, 2], "counts": [500, 500, 500, 0]}]})") +
                "'");
  test::change_windows(database, [&](TakenWindow& window) { window.features = usual; });
  const auto id = started_with({{{"metric", "drift"}}}, {{"gate", {{"bake_s", 0}, {"max_dwell_s", 60}}}});
  report_all(id, "notified", "committed");
  const auto updated = devices_in(id, "succeeded");
  const std::set<std::string> canaries(updated.begin(), updated.end());
  TakenTelemetry telemetry;
  for (int i = 0; i < devices; ++i) {
    const bool canary = canaries.contains(name_of(i));
    auto window = taken(name_of(i), canary ? "1.1" : "1.0", now, 20);
    const std::uint64_t luck = static_cast<std::uint64_t>(i % 7);
    window.features = {{"sharpness", canary ? std::vector<std::uint64_t>{20 + luck, 180 - luck, 400, 0}
                                            : std::vector<std::uint64_t>{200 + luck, 200 - luck, 200, 0}}};
    telemetry.windows.push_back(std::move(window));
  }
  feed(telemetry);
  pass(minutes(1));
  tick();
  EXPECT_EQ(state_of(id), RolloutState::rolling_back) << get(id).gate;
}

TEST_F(Guarded, LooksAreTakenOnceWhoeverLeads) {
  const auto id = started_with(latency_guard, {{"gate", {{"bake_s", 3600}}}});
  report_all(id, "notified", "committed");
  feed_a_minute(id, 20);
  RolloutService other{pool, *patches, {.guard_interval = Duration{0}}};
  for (auto* service : {&*rollouts, &other})
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(run(service->measure(now)));
  EXPECT_EQ(count("rollout_looks"), 1);
  feed_a_minute(id, 20);
  ASSERT_TRUE(run(other.measure(now)));
  EXPECT_EQ(count("rollout_looks where number = 2 and in_wave = 2"), 1);
  feed_a_minute(id, 20);
  feed_a_minute(id, 20);
  ASSERT_TRUE(run(other.measure(now)));
  EXPECT_EQ(count("rollout_looks where number = 3 and in_wave = 3"), 1);
}

TEST_F(Guarded, AFirstReleaseIsNotHeldForWhatNobodyMeasured) {
  database.exec("delete from telemetry_windows");
  const auto id = started_with({{{"metric", "latency_p95"}}, {{"metric", "silence"}}});
  report_all(id, "notified", "committed");
  tick();
  tick();
  EXPECT_EQ(get(id).record.wave, 1) << get(id).gate;
}

TEST_F(Guarded, CanariesThatAllFallSilentGoBackLongBeforeTheLongestDwell) {
  const auto id = started_with({{{"metric", "silence"}}}, {{"silent_after_s", 300}});
  report_all(id, "notified", "committed");
  const auto updated = devices_in(id, "succeeded");
  const std::set<std::string> canaries(updated.begin(), updated.end());
  for (int minute = 0; minute < 10 && state_of(id) == RolloutState::running; ++minute) {
    TakenTelemetry others;
    for (int i = 0; i < devices; ++i)
      if (!canaries.contains(name_of(i))) others.windows.push_back(taken(name_of(i), "1.0", now, 20));
    feed(others);
    pass(minutes(1));
    tick();
  }
  EXPECT_EQ(state_of(id), RolloutState::rolling_back) << get(id).gate;
}

TEST_F(Guarded, AGuardWithoutLabelsIsLeftOutAndSaysSo) {
  test::change_windows(database, [](TakenWindow& window) { window.labelled = window.correct = 0; });
  const auto id = started_with({{{"metric", "accuracy"}}});
  report_all(id, "notified", "committed");
  feed_a_minute(id, 20);
  tick();
  tick();
  EXPECT_EQ(get(id).record.wave, 1);
  const auto decided = run(rollouts->decisions(id, 1 << 30, 1)).value().items.front();
  EXPECT_NE(decided.inputs_json.find("was never reported on the release before"), std::string::npos);
}

TEST_F(Guarded, ARequiredGuardThatCannotBeMeasuredPausesAtTheLongestDwell) {
  test::change_windows(database, [](TakenWindow& window) { window.labelled = window.correct = 0; });
  const auto id =
      started_with({{{"metric", "accuracy"}, {"mode", "required"}}}, {{"gate", {{"bake_s", 0}, {"max_dwell_s", 600}}}});
  report_all(id, "notified", "committed");
  feed_a_minute(id, 20);
  tick();
  pass(minutes(5));
  tick();
  EXPECT_EQ(state_of(id), RolloutState::running);
  pass(minutes(10));
  tick();
  tick();
  EXPECT_EQ(state_of(id), RolloutState::paused);
  EXPECT_NE(get(id).record.reason.find("inconclusive"), std::string::npos) << get(id).record.reason;
}

// The row of one member does not hold up telemetry, nor the rollout.
TEST_F(Guarded, FiguresThatCannotBeReadBeginAnew) {
  const auto id = started_with(latency_guard);
  report_all(id, "notified", "committed");
  database.exec("update rollout_panel set before = '\\xff', waiting = '\\x00', updated = '\\x'");
  feed_a_minute(id, 20);
  tick();
  EXPECT_EQ(state_of(id), RolloutState::running);
  EXPECT_EQ(count("rollout_panel where updated_wave = 0 and exposure_ms = 60000"), 10);
}

TEST_F(Guarded, TelemetryThatIsStoredIsInThePanelAndARepeatIsNot) {
  const auto id = started_with(latency_guard);
  report_all(id, "notified", "committed");
  const auto canary = devices_in(id, "succeeded").front();
  TelemetryService telemetry(pool);
  telemetry.also_store({feed_panels});
  wire::InferenceWindow window;
  window.started_at = now;
  window.ended_at = now + minutes(1);
  window.model = "digits";
  window.version = "1.1";
  window.count = 7;
  window.latency = LogHistogram{}.encode();
  const wire::TelemetryBatch batch{
      .device = canary, .epoch = "0123456789abcdef", .oldest = 1, .records = {{.seq = 1, .content = window}}};
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(run(telemetry.ingest({batch}, now + minutes(2))));
  EXPECT_EQ(count("rollout_panel where exposure_ms = 60000"), 1);
  const auto bytes =
      from_hex(database.value<std::string>("select encode(updated, 'hex') from rollout_panel where exposure_ms > 0"));
  EXPECT_EQ(decode_figures(*bytes).value().count, 7U);
}

TEST_F(Guarded, ARolloutThatHasEndedTakesNothingMore) {
  const auto id = started_with(latency_guard);
  report_all(id, "notified", "committed");
  operate(id, Operation::halt).value();
  feed_a_minute(id, 20);
  EXPECT_EQ(count("rollout_panel where exposure_ms > 0"), 0);
}

}  // namespace
}  // namespace argosy::server
