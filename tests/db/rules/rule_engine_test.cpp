// The rule engine over a real database: from samples and windows to alerts, through restarts of the server and windows
// of other instances.
#include <map>
#include <optional>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/db/db_pool.hpp"
#include "server/rules/rule_service.hpp"
#include "server/telemetry/telemetry_service.hpp"
#include "tests/support/fleet_rows.hpp"
#include "tests/support/run_task.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using test::run_task;

constexpr Duration a_minute{60'000};

class RuleEngine : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* device : {"cam-1", "cam-2"}) test::add_device(database, device);
    telemetry.on_health([this](const std::vector<TakenHealth>& health) {
      if (hears) rules->take(health, clock);
    });
    telemetry.add_listener([this](const std::vector<TakenWindow>& windows) {
      if (hears) rules->take(windows, clock);
    });
    ASSERT_TRUE(run_task(io, telemetry.tick(clock)));
    restart();
    tick();
  }
  // What was remembered is lost, as when the server dies.
  void restart() {
    RuleOptions options;
    options.watch.budget = test::task_deadline;
    options.scopes_every = Duration{600'000};
    rules.emplace(pool, options, [this](const AgainstUsual& usual) { latency_ratio = usual.ratio; });
  }
  void tick() { ASSERT_TRUE(run_task(io, rules->tick(clock += Duration{2000}))); }
  void say(const std::string& device, wire::HealthSample sample) {
    clock += a_minute;
    sample.at = clock - Duration{1000};
    ASSERT_TRUE(run_task(io, telemetry.ingest({test::batch(device, ++next_seq[device], sample)}, clock)));
    database.exec("update device_state set last_seen_at = '" + to_rfc3339(clock) + "' where device_id = '" + device +
                  "'");
    tick();
  }
  void heat(const std::string& device, double celsius, int minutes = 1) {
    wire::HealthSample sample;
    sample.cpu_temperature_c = celsius;
    for (int i = 0; i < minutes; ++i) say(device, sample);
  }
  void add_rule(const json& rule) {
    const auto made = run_task(io, rules->create(read_rule(rule.dump(), nullptr).value(), "user:ada", clock));
    ASSERT_TRUE(made) << made.error().message;
    tick();
  }
  void change(const std::string& name, const json& patch) {
    json document = patch;
    document["name"] = name;
    const auto changed = run_task(io, rules->update(name, std::nullopt, document.dump(), "user:ada", clock));
    ASSERT_TRUE(changed) << changed.error().message;
    tick();
  }
  std::string alerts() {
    return database.value<std::string>(
        "select coalesce(string_agg(rule || ':' || device_id || ':' || state, ' ' order by id), '') from alerts");
  }

  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 1}};
  TelemetryService telemetry{pool};
  std::optional<RuleService> rules;
  double latency_ratio = 0;
  bool hears = true;
  std::map<std::string, std::uint64_t> next_seq;
  Instant clock = parse_rfc3339("2026-03-02T12:00:00Z").value();
};

TEST_F(RuleEngine, AShippedRuleGoesThroughItsLife) {
  heat("cam-1", 70, 3);
  heat("cam-1", 95, 5);
  EXPECT_EQ(alerts(), "") << "it has to last five minutes";
  heat("cam-1", 95, 2);
  EXPECT_EQ(alerts(), "too_hot:cam-1:firing");
  heat("cam-1", 85, 3);
  EXPECT_EQ(alerts(), "too_hot:cam-1:firing");
  heat("cam-1", 79);
  EXPECT_EQ(alerts(), "too_hot:cam-1:resolved");
  EXPECT_EQ(database.value<int>("select count(*) from events where kind = 'alert.firing' and device_id = 'cam-1'"), 1);
}

TEST_F(RuleEngine, GoesOnAfterTheServerDiedAtAnyMoment) {
  for (int i = 0; i < 8; ++i) {
    restart();
    heat("cam-1", 95);
  }
  EXPECT_EQ(alerts(), "too_hot:cam-1:firing");
  restart();
  heat("cam-1", 85);
  EXPECT_EQ(alerts(), "too_hot:cam-1:firing") << "still over where it ends";
  restart();
  heat("cam-1", 70);
  EXPECT_EQ(alerts(), "too_hot:cam-1:resolved");
}

TEST_F(RuleEngine, ReadsWhatAnotherInstanceStored) {
  heat("cam-1", 70);
  hears = false;
  for (int i = 0; i < 8; ++i) {
    heat("cam-1", 95);
    rules->take(std::vector<UnheardPair>{{"cam-1", "", clock - a_minute}}, clock);
    tick();
  }
  EXPECT_EQ(alerts(), "too_hot:cam-1:firing");
}

TEST_F(RuleEngine, FindsWhatNobodyToldOfWhenItBegins) {
  hears = false;
  heat("cam-1", 95, 9);
  restart();
  tick();
  EXPECT_EQ(alerts(), "too_hot:cam-1:firing");
}

TEST_F(RuleEngine, AFilterIsForItsDevicesAlone) {
  database.exec(R"(update devices set labels = '{"site": "north"}' where id = 'cam-1')");
  add_rule({{"name", "north_warm"},
            {"title", "Too warm in the north"},
            {"filter", "labels.site = \"north\""},
            {"metric", "health.cpu_temperature_c"},
            {"condition", {{"kind", "above"}, {"at", 50}}}});
  for (const char* device : {"cam-1", "cam-2"}) heat(device, 60, 2);
  EXPECT_EQ(alerts(), "north_warm:cam-1:firing");
  database.exec(R"(update devices set labels = '{}' where id = 'cam-1')");
  heat("cam-1", 60, 11);
  EXPECT_EQ(alerts(), "north_warm:cam-1:resolved") << "asked again after ten minutes";
}

TEST_F(RuleEngine, WindowsAreJudgedByTheRulesOfTheirModel) {
  const json slow = {{"name", "slow"},
                     {"title", "Slow"},
                     {"metric", "latency_p95"},
                     {"model", "digits"},
                     {"condition", {{"kind", "above"}, {"at", 100}, {"clear_at", 50}}}};
  add_rule(slow);
  json of_others = slow;
  of_others["name"] = "others_slow";
  of_others["model"] = "faces";
  add_rule(of_others);
  for (const double latency_ms : {20.0, 150.0, 80.0}) {
    clock += a_minute;
    const auto window = test::window({.started_at = clock - a_minute, .latency_ms = latency_ms});
    ASSERT_TRUE(run_task(io, telemetry.ingest({test::batch("cam-1", ++next_seq["cam-1"], window)}, clock)));
    tick();
  }
  EXPECT_EQ(alerts(), "slow:cam-1:firing");
}

TEST_F(RuleEngine, TheAlertsOfARuleThatIsGoneEnd) {
  heat("cam-1", 95, 7);
  ASSERT_EQ(alerts(), "too_hot:cam-1:firing");
  change("too_hot", {{"enabled", false}});
  EXPECT_EQ(alerts(), "too_hot:cam-1:resolved");
  heat("cam-1", 95, 7);
  EXPECT_EQ(alerts(), "too_hot:cam-1:resolved");
  change("too_hot", {{"enabled", true}});
  heat("cam-1", 95, 7);
  EXPECT_EQ(alerts(), "too_hot:cam-1:resolved too_hot:cam-1:firing");
}

TEST_F(RuleEngine, AnAlertHasTheSeverityOfItsRule) {
  change("too_hot", {{"severity", "info"}});
  heat("cam-1", 95, 7);
  EXPECT_EQ(database.value<std::string>("select severity from alerts"), "info");
}

TEST_F(RuleEngine, AlertsHearHowLatencyIsJudged) {
  EXPECT_EQ(latency_ratio, 2);
  change("latency_doubled", {{"condition", {{"kind", "against_usual"}, {"ratio", 3}, {"clear_ratio", 2}}}});
  EXPECT_EQ(latency_ratio, 3);
}

TEST_F(RuleEngine, ACertificateThatIsNotRenewedIsToldOfOnce) {
  const auto ends_in = [this](int days) {
    database.exec("update devices set present_not_after = '" + to_rfc3339(clock + std::chrono::hours(24 * days)) +
                  "' where id = 'cam-1'");
    clock += a_minute;
    tick();
  };
  ends_in(20);
  EXPECT_EQ(alerts(), "");
  ends_in(13);
  ends_in(12);
  EXPECT_EQ(alerts(), "certificate_expires:cam-1:firing");
  ends_in(90);
  EXPECT_EQ(alerts(), "certificate_expires:cam-1:resolved");
}

TEST_F(RuleEngine, ADiskThatFillsIsToldOfAcrossRestarts) {
  wire::HealthSample sample;
  sample.disk_free_mb = 10'000;
  int hours = 0;
  for (; hours < 90 && alerts().empty(); ++hours) {
    *sample.disk_free_mb -= 100;
    say("cam-1", sample);
    clock += 59 * a_minute;
    // What it has learned is written every ten minutes, and when it steps down.
    if (hours % 7 == 0) {
      ASSERT_TRUE(run_task(io, rules->hand_over(clock)));
      restart();
    }
  }
  EXPECT_EQ(alerts(), "disk_full_soon:cam-1:firing");
  EXPECT_NEAR(hours, 52, 6) << "it is full after 100 hours";
}

TEST_F(RuleEngine, OfAHealthyFleetNothingIsWritten) {
  heat("cam-1", 60, 20);
  heat("cam-2", 61, 20);
  ASSERT_TRUE(run_task(io, rules->hand_over(clock)));
  EXPECT_EQ(database.value<int>("select count(*) from rule_memory"), 0);
}

}  // namespace
}  // namespace argosy::server
