#include <optional>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "server/alerts/alert_service.hpp"
#include "server/db/db_pool.hpp"
#include "server/devices/connectivity_counts_store.hpp"
#include "tests/support/fleet_rows.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;
using test::run_task;

// Devices that go and come back at a word; silences, people and the clock.
class AlertLives : public ::testing::Test {
 protected:
  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 1}};
  std::optional<AlertService> alerts;
  Instant clock = parse_rfc3339("2026-03-01T12:00:00Z").value();

  void SetUp() override {
    for (const char* device : {"berlin-1", "berlin-2", "lyon-1"}) test::add_device(database, device);
    database.exec("update devices set labels = jsonb_build_object('site', split_part(id, '-', 1))");
    restart();
  }
  void restart() { alerts.emplace(pool, AlertOptions{}); }
  void go_on(Duration time = 1s) {
    clock += time;
    ASSERT_TRUE(run_task(io, pool.transact<CountDevices>(SiteCounting{}, clock)));
    ASSERT_TRUE(run_task(io, alerts->tick(clock)));
  }
  void become(const std::string& presence, const std::string& device) {
    database.exec("update device_state set presence = '" + presence + "' where device_id = '" + device + "'");
    go_on();
  }
  Silence silence(const std::string& filter, Duration lasts) {
    Silence wanted;
    wanted.match.filter = filter;
    wanted.starts_at = clock;
    wanted.ends_at = clock + lasts;
    wanted.comment = "the carrier works on it";
    return run_task(io, alerts->add_silence(wanted, "user:ada", clock)).value();
  }
  std::int64_t alert_of(const std::string& device) {
    return database.value<std::int64_t>("select id from alerts where device_id = '" + device +
                                        "' order by id desc limit 1");
  }
  // "firing told silenced": what became of the newest alert of the device.
  std::string history(const std::string& device) {
    return database.value<std::string>(
        "select string_agg(change, ' ' order by id) from alert_history where alert_id = " +
        std::to_string(alert_of(device)));
  }
  int events(const std::string& kind) {
    return database.value<int>("select count(*) from events where kind = '" + kind + "'");
  }
};

TEST_F(AlertLives, ADeviceOfASiteWaitsUntilItsSiteIsCounted) {
  go_on();
  database.exec("update device_state set presence = 'offline' where device_id = 'berlin-1'");
  ASSERT_TRUE(run_task(io, alerts->tick(clock += 1s)));
  EXPECT_EQ(events("alert.firing"), 0);
  database.exec("update devices set labels = '{}' where id = 'lyon-1'");
  database.exec("update device_state set presence = 'offline' where device_id = 'lyon-1'");
  ASSERT_TRUE(run_task(io, alerts->tick(clock += 1s)));
  EXPECT_EQ(history("lyon-1"), "firing told") << "it has no site";
  go_on();
  EXPECT_EQ(history("berlin-1"), "firing told");
}

TEST_F(AlertLives, TheRouteOfARuleGoesIntoTheEventWhileThereIsOne) {
  const auto routes_of = [this](const std::string& device) {
    return database.value<std::string>(
        "select coalesce(details ->> 'routes', 'as usual') from events where kind = 'alert.firing' and device_id = '" +
        device + "'");
  };
  database.exec(
      "insert into rules (name, document, updated_at) values ('gone_dark', '{\"enabled\": true, \"severity\": "
      "\"critical\", \"route\": \"night-shift\"}', now())");
  become("offline", "berlin-1");
  EXPECT_EQ(routes_of("berlin-1"), "as usual");
  database.exec(
      "insert into notice_routes (name, settings, kinds, enabled, secrets, created_by, created_at, updated_at) values "
      "('night-shift', '{}', '{}', true, '', 'user:ada', now(), now())");
  become("offline", "lyon-1");
  EXPECT_EQ(routes_of("lyon-1"), R"(["night-shift"])");
}

TEST_F(AlertLives, AnEventHasWhatRoutesAskFor) {
  become("offline", "berlin-1");
  EXPECT_EQ(
      database.value<std::string>(
          "select details ->> 'rule' || ' ' || (details ->> 'severity') || ' ' || (details ->> 'device') || ' ' || "
          "(details ->> 'group') from events where kind = 'alert.firing'"),
      "gone_dark critical berlin-1 rule/gone_dark");
}

TEST_F(AlertLives, ASilenceHoldsBackUntilItEndsByItself) {
  const auto quiet = silence(R"(labels.site = "berlin")", 30min);
  go_on();
  become("offline", "berlin-1");
  become("offline", "lyon-1");
  EXPECT_EQ(history("berlin-1"), "firing silenced");
  EXPECT_EQ(history("lyon-1"), "firing told");
  EXPECT_EQ(events("alert.firing"), 1);
  EXPECT_EQ(database.value<std::string>("select reason from alert_history where change = 'silenced'"),
            "silence " + std::to_string(quiet.id) + " of user:ada: the carrier works on it");
  restart();
  go_on(30min);
  go_on();
  EXPECT_EQ(history("berlin-1"), "firing silenced unsilenced told");
  EXPECT_EQ(events("alert.firing"), 2);
  EXPECT_EQ(database.value<int>("select count(*) from alert_silences where ended_at = ends_at and ended_by is null"),
            1);
}

TEST_F(AlertLives, ASilenceThatComesLaterCoversWhatFires) {
  become("offline", "berlin-1");
  const auto quiet = silence(R"(labels.site = "berlin")", 2h);
  go_on();
  EXPECT_EQ(history("berlin-1"), "firing told silenced");
  auto wanted = quiet;
  wanted.match.filter = R"(labels.site = "lyon")";
  ASSERT_TRUE(run_task(io, alerts->change_silence(quiet.id, wanted, "user:bo", clock)));
  go_on();
  EXPECT_EQ(history("berlin-1"), "firing told silenced unsilenced") << "it was told before";
  become("offline", "lyon-1");
  EXPECT_EQ(history("lyon-1"), "firing silenced");
  ASSERT_TRUE(run_task(io, alerts->end_silence(quiet.id, "user:bo", clock)));
  go_on();
  EXPECT_EQ(history("lyon-1"), "firing silenced unsilenced told");
  EXPECT_EQ(run_task(io, alerts->end_silence(quiet.id, "user:bo", clock)).error().code, Errc::illegal_transition);
  EXPECT_EQ(run_task(io, alerts->end_silence(999, "user:bo", clock)).error().code, Errc::not_found);
  EXPECT_EQ(database.value<std::string>("select string_agg(action, ' ' order by id) from audit"),
            "silence.create silence.change silence.end");
}

TEST_F(AlertLives, AMaintenanceWindowHoldsByTheClockOfItsZone) {
  Silence wanted;
  wanted.starts_at = clock;
  wanted.ends_at = clock + Duration{7LL * 24 * 3'600'000};
  wanted.comment = "patch night";
  wanted.weekly = Maintenance{};
  wanted.weekly->from = std::chrono::hours{14};
  wanted.weekly->length = std::chrono::hours{1};
  wanted.weekly->time_zone = "Mars/Base";
  EXPECT_EQ(run_task(io, alerts->add_silence(wanted, "user:ada", clock)).error().code, Errc::invalid_argument);
  wanted.weekly->time_zone = "Europe/Berlin";  // an hour ahead
  ASSERT_TRUE(run_task(io, alerts->add_silence(wanted, "user:ada", clock)));
  go_on();
  become("offline", "berlin-1");
  EXPECT_EQ(history("berlin-1"), "firing told") << "it is one o'clock there";
  go_on(1h);
  become("offline", "berlin-2");
  EXPECT_EQ(history("berlin-2"), "firing silenced");
  go_on(1h);
  go_on();
  EXPECT_EQ(history("berlin-2"), "firing silenced unsilenced told");
}

TEST_F(AlertLives, SilencesAreBounded) {
  database.exec(
      "insert into alert_silences (starts_at, ends_at, author, comment, created_at, changed_at, changed_by) select "
      "now(), '2030-01-01', 'user:ada', 'c', now(), now(), 'user:ada' from generate_series(1, 500)");
  Silence wanted;
  wanted.starts_at = clock;
  wanted.ends_at = clock + 1h;
  EXPECT_EQ(run_task(io, alerts->add_silence(wanted, "user:ada", clock)).error().code, Errc::conflict);
}

TEST_F(AlertLives, OneThatComesAndGoesIsToldOnceUntilItIsCalm) {
  for (int i = 0; i < 6; ++i) {
    become("offline", "berlin-1");
    go_on(4min);
    become("online", "berlin-1");
    go_on(4min);
  }
  EXPECT_EQ(events("alert.firing"), 2);
  EXPECT_EQ(events("alert.resolved"), 1);
  EXPECT_EQ(database.value<int>("select count(*) from alerts"), 2);
  const auto page = run_task(io, alerts->list({.state = "firing", .device = "berlin-1"})).value();
  ASSERT_EQ(page.items.size(), 1U);
  EXPECT_TRUE(page.items[0].is_flapping);
  restart();
  go_on(1h);
  EXPECT_EQ(history("berlin-1"), "firing told flapping calm resolved");
  EXPECT_EQ(events("alert.resolved"), 2);
}

TEST_F(AlertLives, NobodyComesSoItEscalatesAndWhoComesEndsThat) {
  become("offline", "berlin-1");
  go_on(1h);
  go_on();
  EXPECT_EQ(events("alert.escalated"), 1);
  const auto id = alert_of("berlin-1");
  const auto alert = run_task(io, alerts->acknowledge(id, "on my way", "user:ada", clock)).value();
  EXPECT_EQ(alert.acknowledgement, "on my way");
  go_on(5h);
  EXPECT_EQ(events("alert.escalated"), 1);
  EXPECT_EQ(events("alert.acknowledged"), 1);
  ASSERT_TRUE(run_task(io, alerts->take_acknowledgement_back(id, "user:ada", clock)));
  go_on();
  go_on(1h);
  EXPECT_EQ(events("alert.escalated"), 2);
  become("online", "berlin-1");
  EXPECT_EQ(run_task(io, alerts->take_acknowledgement_back(id, "user:ada", clock)).error().code,
            Errc::illegal_transition);
  const auto found = run_task(io, alerts->find(id)).value();
  EXPECT_EQ(found.history.back().change, "resolved");
  EXPECT_EQ(found.history.back().reason, "berlin-1 is back");
}

TEST_F(AlertLives, ARolloutThatWasHaltedIsToldOfUntilItIsDealtWith) {
  test::add_release(database, "digits", "1.0", "{}", "{}");
  const auto rollout = [this](int id, const std::string& state, const std::string& started, const std::string& ended) {
    database.exec(
        "insert into rollouts (id, name, model, release_id, policy, seed, state, reason, created_by, started_at, "
        "ended_at) overriding system value select " +
        std::to_string(id) + ", 'spring', 'digits', min(id), '{}', 1, '" + state + "', 'a guard failed', 'user:ada', " +
        started + ", " + ended + " from releases");
  };
  const auto open = [this] {
    return database.value<std::string>(
        "select coalesce(string_agg(rule || ': ' || message, ' '), '') from alerts where state <> 'resolved'");
  };
  rollout(7, "halted", "'2026-03-01T10:00:00Z'", "'2026-03-01T11:00:00Z'");
  database.exec(
      "insert into rollout_devices (rollout_id, device_id, wave, state, notified_at) values (7, 'berlin-1', 0, "
      "'succeeded', '2026-03-01T10:30:00Z')");
  go_on();
  EXPECT_EQ(open(), "rollout_halted: rollout 7 (spring) is halted: a guard failed");
  become("offline", "berlin-1");
  EXPECT_EQ(history("berlin-1"), "firing told") << "it explains nothing of its devices";
  become("online", "berlin-1");
  rollout(8, "running", "'2026-03-01T13:00:00Z'", "null");
  go_on();
  EXPECT_EQ(open(), "") << "a later one of the model has begun";
  database.exec("delete from rollouts where id = 8");
  go_on(2h);  // not so often that it flaps
  EXPECT_NE(open(), "");
  database.exec("update rollouts set state = 'rolled_back' where id = 7");
  go_on();
  EXPECT_EQ(open(), "");
  database.exec("update rollouts set state = 'halted' where id = 7");
  go_on(2h);
  EXPECT_NE(open(), "");
  go_on(24h * 7);
  EXPECT_EQ(open(), "") << "a week is long enough";
}

TEST_F(AlertLives, ARolloutThatIsPausedStandsForTheDevicesItHasBegunWith) {
  test::add_release(database, "digits", "1.0", "{}", "{}");
  database.exec(
      "insert into rollouts (id, name, model, release_id, policy, seed, state, created_by, started_at) overriding "
      "system "
      "value select 7, 'spring', 'digits', min(id), '{}', 1, 'running', 'user:ada', now() from releases");
  database.exec(
      "insert into rollout_devices (rollout_id, device_id, wave, state, notified_at) values (7, 'berlin-1', 0, "
      "'probation', '2026-03-01T11:00:00Z'), (7, 'berlin-2', 1, 'queued', null)");
  become("offline", "berlin-1");
  EXPECT_EQ(history("berlin-1"), "firing told");
  database.exec("update rollouts set state = 'paused', reason = 'the gate failed' where id = 7");
  go_on();
  go_on();
  EXPECT_EQ(database.value<std::string>("select message from alerts where rollout_id = 7"),
            "rollout 7 (spring) is paused: the gate failed");
  EXPECT_EQ(history("berlin-1"), "firing told inhibited");
  become("offline", "berlin-2");
  EXPECT_EQ(history("berlin-2"), "firing told") << "the rollout has not reached it";
  database.exec("update rollouts set state = 'running' where id = 7");
  go_on();
  go_on();
  EXPECT_EQ(history("berlin-1"), "firing told inhibited uninhibited");
  EXPECT_EQ(events("alert.firing"), 3);
  EXPECT_EQ(events("alert.resolved"), 1);
}

TEST_F(AlertLives, GroupsCountWhatIsInThem) {
  become("offline", "berlin-1");
  become("offline", "lyon-1");
  silence("", 1h);
  go_on();
  go_on();
  const auto by_rule = run_task(io, alerts->groups({.state = "open", .by_rule = true})).value();
  ASSERT_EQ(by_rule.size(), 1U);
  EXPECT_EQ(by_rule[0].key, "rule/gone_dark");
  EXPECT_EQ(by_rule[0].firing, 2);
  EXPECT_EQ(by_rule[0].silenced, 2);
  EXPECT_EQ(by_rule[0].severity, "critical");
  EXPECT_EQ(by_rule[0].rules, std::vector<std::string>{"gone_dark"});
  const auto page = run_task(io, alerts->history({.alert = {}, .device = "lyon-1", .rule = {}, .before = {}})).value();
  EXPECT_EQ(page.items.front().change, "silenced");
  EXPECT_EQ(page.total, 3);
}

}  // namespace
}  // namespace argosy::server
