// Rules on presence, and rules with a judge of their own that are for some devices alone.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/alerts/alert_service.hpp"
#include "server/db/db_pool.hpp"
#include "server/rules/rule_service.hpp"
#include "tests/support/fleet_rows.hpp"
#include "tests/support/run_task.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::run_task;

class PresenceRules : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* device : {"berlin-1", "berlin-2", "lyon-1"}) {
      test::add_device(database, device);
      become("online", device);
    }
    database.exec("update devices set labels = jsonb_build_object('town', split_part(id, '-', 1))");
    go_on(1s);
  }
  void become(const std::string& presence, const std::string& device) {
    database.exec("update device_state set presence = '" + presence + "', presence_since = '" + to_rfc3339(clock) +
                  "' where device_id = '" + device + "'");
  }
  void go_on(Duration time) {
    clock += time;
    ASSERT_TRUE(run_task(io, alerts.tick(clock)));
    ASSERT_TRUE(run_task(io, rules.tick(clock)));
  }
  void make(const std::string& name, const std::string& metric, const json& condition, const std::string& filter = "") {
    const json document{
        {"name", name}, {"title", "Away"}, {"metric", metric}, {"condition", condition}, {"filter", filter}};
    const auto made = run_task(io, rules.create(read_rule(document.dump(), nullptr).value(), "user:ada", clock));
    ASSERT_TRUE(made) << made.error().message;
  }
  void change(const std::string& rule, json patch) {
    patch["name"] = rule;
    const auto changed = run_task(io, rules.update(rule, std::nullopt, patch.dump(), "user:ada", clock));
    ASSERT_TRUE(changed) << changed.error().message;
  }
  std::string open(const std::string& rule) {
    return database.value<std::string>(
        "select coalesce(string_agg(device_id, ' ' order by device_id), '') from alerts where state <> 'resolved' "
        "and rule = '" +
        rule + "'");
  }
  void span(const std::string& device, Instant from, std::optional<Instant> to, const std::string& presence) {
    database.exec(
        "insert into presence_spans (device_id, from_at, to_at, presence, cause, reason, settled_at) values ('" +
        device + "', '" + to_rfc3339(from) + "', " + (to ? "'" + to_rfc3339(*to) + "'" : "null") + ", '" + presence +
        "', '" + (presence == "online" ? "heard" : "beats_missed") + "', '', '" + to_rfc3339(from) + "')");
  }

  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 1}};
  AlertService alerts{pool, {}};
  RuleService rules{pool, {}, [](const AgainstUsual&) {}};
  Instant clock = parse_rfc3339("2026-03-10T12:00:00Z").value();
};

TEST_F(PresenceRules, ADeviceIsAwayForTooLongUntilItIsBack) {
  make("away", "presence.offline_s", {{"kind", "above"}, {"at", 600}, {"clear_at", 0}}, "labels.town = \"berlin\"");
  become("offline", "berlin-1");
  become("offline", "lyon-1");
  go_on(9min);
  EXPECT_EQ(open("away"), "");
  go_on(2min);
  EXPECT_EQ(open("away"), "berlin-1") << "it is for one town";
  EXPECT_EQ(database.value<std::string>("select message from alerts where rule = 'away'"),
            "berlin-1: presence.offline_s is 660 s (limit 600 s)");
  become("late", "berlin-1");
  go_on(1min);
  EXPECT_EQ(open("away"), "");
}

TEST_F(PresenceRules, ADeviceThatIsOutsideByNowIsLeftAlone) {
  make("away", "presence.offline_s", {{"kind", "above"}, {"at", 600}, {"clear_at", 0}}, "labels.town = \"berlin\"");
  become("offline", "berlin-1");
  go_on(11min);
  ASSERT_EQ(open("away"), "berlin-1");
  database.exec("update devices set labels = '{}' where id = 'berlin-1'");
  go_on(1min);
  EXPECT_EQ(open("away"), "");
}

TEST_F(PresenceRules, LateAndIntermittentAreJudgedToo) {
  make("late", "presence.late_s", {{"kind", "above"}, {"at", 60}, {"clear_at", 0}});
  make("comes_and_goes", "presence.intermittent", {{"kind", "above"}, {"at", 1}, {"clear_at", 0}});
  become("late", "berlin-1");
  database.exec("update device_state set intermittent_until = '" + to_rfc3339(clock + 10min) +
                "' where device_id = 'lyon-1'");
  go_on(2min);
  EXPECT_EQ(open("late"), "berlin-1");
  EXPECT_EQ(open("comes_and_goes"), "lyon-1");
  become("online", "berlin-1");
  go_on(9min);
  EXPECT_EQ(open("late"), "");
  EXPECT_EQ(open("comes_and_goes"), "");
}

TEST_F(PresenceRules, AvailabilityIsTheShareOfADayThatADeviceWasThere) {
  make("hardly_there", "presence.availability_percent", {{"kind", "below"}, {"at", 90}, {"clear_at", 95}});
  for (const char* device : {"berlin-1", "lyon-1"}) {
    const bool is_bad = device == std::string("lyon-1");
    const Instant left = clock - (is_bad ? 6h : 1h);
    span(device, clock - 48h, left, "online");
    span(device, left, clock - 10min, "offline");
    span(device, clock - 10min, std::nullopt, "online");
  }
  go_on(6min);
  EXPECT_EQ(open("hardly_there"), "lyon-1") << "a quarter of the day";
  go_on(23h);
  EXPECT_EQ(open("hardly_there"), "");
}

// More than one round looks at were away for a minute; the one that was away for hours has the last name of all.
TEST_F(PresenceRules, OfManyThatWereAwayTheLongestAwayAreLookedAtFirst) {
  make("hardly_there", "presence.availability_percent", {{"kind", "below"}, {"at", 90}, {"clear_at", 95}});
  database.exec("insert into devices (id, hardware_class) select 'a-' || n, 'cpu' from generate_series(1, 2100) n");
  database.exec("insert into device_state (device_id, presence) select id, 'online' from devices where id like 'a-%'");
  database.exec("select '" + to_rfc3339(clock) + "'::timestamptz as now into temporary table clock");
  database.exec(R"sql(
    insert into presence_spans (device_id, from_at, to_at, presence, cause, reason, settled_at)
    select id, now - began, now - ended, presence, 'heard', '', now - began
    from devices, clock, (values
      (interval '20 h', interval '1 h', 'online'),
      (interval '1 h', interval '59 min', 'offline'),
      (interval '59 min', null, 'online')
    ) as span (began, ended, presence)
    where id like 'a-%'
  )sql");
  test::add_device(database, "z-last");
  span("z-last", clock - 12h, clock - 1h, "offline");
  span("z-last", clock - 1h, std::nullopt, "online");
  go_on(6min);
  EXPECT_EQ(open("hardly_there"), "z-last");
}

TEST_F(PresenceRules, ARuleWithAJudgeOfItsOwnIsForTheDevicesOfItsFilter) {
  change("gone_dark", {{"filter", "labels.town = \"berlin\""}});
  for (const char* device : {"berlin-1", "lyon-1"}) become("offline", device);
  go_on(1s);
  EXPECT_EQ(open("gone_dark"), "berlin-1");
  change("gone_dark", {{"filter", "labels.town = \"lyon\""}});
  go_on(1s);
  go_on(1s);
  EXPECT_EQ(open("gone_dark"), "lyon-1") << "what is outside ends, and what was dark before is looked at again";
  database.exec("update devices set labels = '{}' where id = 'lyon-1'");
  go_on(16min);
  EXPECT_EQ(open("gone_dark"), "") << "its label was taken off";
}

TEST_F(PresenceRules, ARuleIsForOneModel) {
  change("drift", {{"model", "digits"}});
  const auto drift = [this](const std::string& model) {
    database.exec(
        "insert into drift_state (device_id, model, version, feature, psi, samples, drifted, since, updated_at) values "
        "('lyon-1', "
        "'" +
        model + "', '1.0', 'sharpness', 0.4, 1000, true, now(), now())");
  };
  drift("faces");
  go_on(1s);
  EXPECT_EQ(open("drift"), "");
  drift("digits");
  go_on(1s);
  EXPECT_EQ(database.value<std::string>("select string_agg(model, ' ') from alerts where rule = 'drift'"), "digits");
}

}  // namespace
}  // namespace argosy::server
