#include <map>

#include <nlohmann/json.hpp>

#include "common/base/random.hpp"
#include "server/devices/connectivity_service.hpp"
#include "server/devices/device_service.hpp"
#include "server/devices/presence_service.hpp"
#include "tests/db/devices/devices_fixture.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

// Devices that promised a beat every 10 s: away after 42.5 s of silence. The presence job goes round each second.
class ConnectivityTest : public DevicesTest {
 protected:
  std::optional<PresenceService> presence;
  ConnectivityService connectivity{pool, {}};
  Instant clock = now;  // 2026-09-21T14:13:20Z

  void SetUp() override { restart(); }
  void restart() {
    presence.emplace(pool);
    presence->watch_from(clock);
  }
  void add(const std::string& id, const std::string& site = "berlin") {
    add_device(id, "cpu", site.empty() ? "{}" : R"({"site": ")" + site + "\"}");
    database.exec("update device_state set interval_s = 10 where device_id = '" + id + "'");
  }
  void heard(const std::string& like = "%") {
    database.exec("update device_state set last_seen_at = '" + to_rfc3339(clock) + "' where device_id like '" + like +
                  "'");
  }
  void tick() { ASSERT_TRUE(run(presence->tick(clock))); }
  // The time goes on, with or without beats.
  void pass(Duration time, const std::string& heard_like = "%", Duration step = 5s) {
    for (const Instant end = clock + time; clock < end;) {
      clock += step;
      if (!heard_like.empty()) heard(heard_like);
      tick();
    }
  }
  // Where hours have to go by: devices that promised a beat each minute, away after 255 s.
  void slow_down() {
    PresenceOptions options;
    options.longest_pause = 2min;
    presence.emplace(pool, options);
    presence->watch_from(clock);
    database.exec("update device_state set interval_s = 60");
  }
  void silent(Duration time) { pass(time, ""); }
  DeviceTimeline timeline(const std::string& id, Duration back = 24h) {
    return run(connectivity.timeline(DeviceId(id), {clock - back, clock}, clock)).value();
  }
  std::string states(const std::string& id) {
    std::string text;
    for (const TimelineSpan& span : timeline(id).spans)
      text += (text.empty() ? "" : " ") + std::string(to_string(span.state));
    return text;
  }
  Connectivity fleet(std::size_t sites = 20) {
    return run(connectivity.connectivity({{clock - 24h, clock}, sites}, clock)).value();
  }
  std::string sites() {
    return database.value<std::string>(
        "select coalesce(string_agg(name || ' ' || reachable || '/' || devices, ', ' order by name), '') from sites");
  }
  bool is_intermittent(const std::string& id) {
    return database.value<bool>("select intermittent_until is not null from device_state where device_id = '" + id +
                                "'");
  }
};

TEST_F(ConnectivityTest, EveryChangeOfPresenceIsASpanWithItsReason) {
  add("cam-1");
  silent(60s);
  pass(60s);
  silent(60s);
  pass(30s);
  EXPECT_EQ(states("cam-1"), "online late offline online");
  const auto told = timeline("cam-1");
  EXPECT_EQ(told.spans[0].cause, PresenceCause::heard);
  EXPECT_EQ(told.spans[2].cause, PresenceCause::beats_missed);
  EXPECT_EQ(told.spans[2].reason, "45 s silent, expected every 10 s");
  EXPECT_EQ(told.spans[0].time.from, now + 65s) << "nothing is expected before it was seen";
  EXPECT_EQ(told.availability.expected, 145s);
  EXPECT_EQ(told.availability.reachable, 125s);
  EXPECT_NEAR(timeline("cam-1", 30s).availability.share().value(), 25.0 / 30, 0.01);
  EXPECT_EQ(run(connectivity.timeline(DeviceId("nobody"), {now, clock}, clock)).error().code, Errc::not_found);
}

TEST_F(ConnectivityTest, ADeviceThatFlapsFillsNoTableAndItsTimeIsKept) {
  add("cam-1");
  for (int round = 0; round < 40; ++round) {
    pass(10s);
    silent(50s);
  }
  const int changes = database.value<int>("select count(*) from events where kind = 'device.presence'");
  EXPECT_GT(changes, 100);
  EXPECT_EQ(database.value<int>("select count(*) from presence_spans"), 96);
  EXPECT_EQ(database.value<int>("select sum(changes) from presence_spans"), changes);
  const auto told = timeline("cam-1");
  EXPECT_EQ(told.spans[told.spans.size() - 2].state, TimelineState::unsettled);
  // Of each minute it is there from the first beat until the verdict: 50 s.
  EXPECT_NEAR(told.availability.share().value(), 50.0 / 60, 0.02);
}

TEST_F(ConnectivityTest, FourSwingsWithinAnHourMakeItIntermittentUntilTheyAreAnHourOld) {
  add("cam-1");
  pass(20s);
  silent(60s);
  pass(20s);
  silent(60s);
  EXPECT_FALSE(is_intermittent("cam-1"));
  pass(20s);
  EXPECT_TRUE(is_intermittent("cam-1"));
  EXPECT_EQ(database.value<int>("select count(*) from events where kind = 'device.intermittent'"), 1);
  EXPECT_EQ(fleet().intermittent_devices, 1);
  DeviceService devices(pool);
  EXPECT_EQ(run(devices.list({parse_filter("intermittent = true").value(), {}, 10})).value().total, 1);
  EXPECT_EQ(run(devices.list({parse_filter("intermittent != true").value(), {}, 10})).value().total, 0);
  EXPECT_TRUE(run(devices.get(DeviceId("cam-1"))).value().intermittent_until);
  clock += 1h;
  pass(5s);
  EXPECT_FALSE(is_intermittent("cam-1"));
}

TEST_F(ConnectivityTest, BeingLateNowAndThenIsNotIntermittent) {
  add("cam-1");
  for (int round = 0; round < 20; ++round) {
    pass(10s);
    silent(20s);
  }
  EXPECT_FALSE(is_intermittent("cam-1"));
  EXPECT_EQ(timeline("cam-1").availability.share(), 1);
}

TEST_F(ConnectivityTest, SitesAreCountedByWhatChanges) {
  for (const char* id : {"a-1", "a-2", "a-3"}) add(id, "a");
  add("b-1", "b");
  add("none", "");
  tick();
  EXPECT_EQ(sites(), "") << "who was never seen is not expected";
  pass(10s);
  EXPECT_EQ(sites(), " 1/1, a 3/3, b 1/1");
  pass(60s, "%1");
  EXPECT_EQ(sites(), " 0/1, a 1/3, b 1/1");
  database.exec(R"(update devices set labels = '{"site": "b"}' where id in ('a-1', 'a-2'))");
  tick();
  EXPECT_EQ(sites(), " 0/1, a 0/1, b 2/3");
  database.exec("update devices set revoked_at = now() where id = 'a-3'");
  database.exec("delete from devices where id = 'b-1'");
  tick();
  EXPECT_EQ(sites(), " 0/1, b 1/2") << "an empty site goes";
  EXPECT_EQ(database.value<int>("select count(*) from uncounted_devices"), 0);
}

TEST_F(ConnectivityTest, AnotherLabelNamesTheSitesFromNowOn) {
  add("cam-1");
  database.exec(R"(update devices set labels = '{"site": "berlin", "hall": "7"}')");
  pass(10s);
  EXPECT_EQ(sites(), "berlin 1/1");
  PresenceOptions options;
  options.site_label = "hall";
  presence.emplace(pool, options);
  tick();
  EXPECT_EQ(sites(), "7 1/1");
}

TEST_F(ConnectivityTest, AvailabilityOfSitesIsKeptByTheHour) {
  add("a-1", "a");
  add("a-2", "a");
  add("b-1", "b");
  slow_down();
  pass(30min, "%", 1min);
  pass(30min, "%1", 1min);
  pass(30min, "%", 1min);
  const auto told = fleet();
  ASSERT_EQ(told.sites.size(), 2U);
  EXPECT_EQ(told.sites[0].site, "a") << "the worst first";
  // a-2 was away from the fifth of its silent minutes to its next beat; the counts begin with the first beat of all.
  EXPECT_NEAR(told.sites[0].availability.share().value(), 1 - 26.0 / 178, 1e-4);
  EXPECT_EQ(told.sites[1].availability.share(), 1);
  EXPECT_NEAR(told.fleet.availability.share().value(), 1 - 26.0 / 267, 1e-4);
  ASSERT_EQ(told.sites[0].by_hour.size(), told.hours.size());
  EXPECT_EQ(told.hours.back(), parse_rfc3339("2026-09-21T15:00:00Z").value());
  EXPECT_NEAR(told.sites[0].by_hour[told.hours.size() - 2].value(), 1 - 11.67 / 91.33, 1e-3);
  EXPECT_NEAR(told.sites[0].by_hour.back().value(), 1 - 14.33 / 86.67, 1e-3);
  EXPECT_EQ(told.sites[0].by_hour.front(), std::nullopt);
  const auto short_list = fleet(1);
  EXPECT_EQ(short_list.sites.size(), 1U);
  EXPECT_EQ(short_list.other_sites, 1);
  EXPECT_EQ(short_list.others.devices, 1);
  EXPECT_EQ(short_list.fleet.devices, 3);
}

TEST_F(ConnectivityTest, HoursThatAreOverAreWrittenForSitesThatNeverChange) {
  add("a-1", "a");
  slow_down();
  pass(50min, "%", 1min);
  EXPECT_EQ(database.value<double>("select sum(expected_s) from site_hours where hour = '2026-09-21T14:00:00Z'"), 2740);
}

TEST_F(ConnectivityTest, OfTimeInWhichNobodyWatchedNothingIsKnown) {
  add("a-1", "a");
  pass(5min);
  clock += 1h;  // argosyd was away, and so was everyone's chance to be heard
  restart();
  tick();
  EXPECT_EQ(states("a-1"), "online unknown");
  EXPECT_EQ(timeline("a-1").availability.unknown, 1h);
  EXPECT_EQ(timeline("a-1").availability.share(), 1);
  EXPECT_EQ(fleet().fleet.availability.expected, timeline("a-1").availability.expected);
  silent(40s);
  EXPECT_EQ(sites(), "a 1/1") << "it has its chance first";
  silent(5s);
  EXPECT_EQ(sites(), "a 0/1");
}

TEST_F(ConnectivityTest, WhileTheBrokerIsAwayNobodyIsJudged) {
  bool is_there = true;
  for (int n = 1; n <= 20; ++n) add("cam-" + std::to_string(n));
  presence->watch_while([&is_there] { return is_there; });
  pass(30s);
  for (int round = 0; round < 4; ++round) {
    is_there = false;
    silent(2min);
    EXPECT_EQ(database.value<int>("select count(*) from device_state where presence = 'offline'"), 0);
    is_there = true;
    presence->watch_from(clock);
    silent(10s);
    pass(60s);
  }
  EXPECT_EQ(sites(), "berlin 20/20");
  EXPECT_EQ(database.value<int>("select count(*) from device_state where intermittent_until is not null"), 0);
  EXPECT_EQ(database.value<int>("select count(*) from device_state where swings <> '[]'"), 0);
  EXPECT_EQ(fleet().fleet.availability.share(), 1);
  EXPECT_NEAR(std::chrono::duration<double>(timeline("cam-1").availability.unknown).count(), 4 * 120, 30);
}

TEST_F(ConnectivityTest, WhoWasNotHeardSinceARestartIsInItsGrace) {
  add("cam-1");
  pass(10s);
  DeviceService devices(pool);
  const auto cause = [&] { return to_string(run(devices.get(DeviceId("cam-1"))).value().presence_cause); };
  EXPECT_EQ(cause(), "heard");
  clock += 5s;
  restart();
  tick();
  EXPECT_EQ(cause(), "restart_grace");
  pass(5s);
  EXPECT_EQ(cause(), "heard");
  silent(60s);
  EXPECT_EQ(cause(), "beats_missed");
}

TEST_F(ConnectivityTest, AGoodbyeIsTold) {
  add("cam-1");
  pass(10s);
  presence->take_will({"cam-1", 1, true}, clock);
  silent(30s);
  EXPECT_EQ(database.value<std::string>("select presence || ' ' || presence_cause from device_state"),
            "offline said_goodbye");
}

TEST_F(ConnectivityTest, ARevokedDeviceIsToldOfUntilItWasRevoked) {
  add("cam-1");
  pass(60s);
  database.exec("update devices set revoked_at = '" + to_rfc3339(clock) + "'");
  const Instant revoked = clock;
  silent(60s);
  EXPECT_EQ(timeline("cam-1").spans.back().time.to, revoked);
}

// Nobody tells the job that the machine was suspended, that its clock was set forward, or that the database did not
// answer.
TEST_F(ConnectivityTest, AServerThatStoodStillBlamesNobody) {
  for (int n = 1; n <= 3; ++n) add("cam-" + std::to_string(n));
  pass(30s);
  clock += 10min;
  tick();
  EXPECT_EQ(sites(), "berlin 3/3");
  EXPECT_EQ(timeline("cam-1").availability.unknown, 10min);
  EXPECT_EQ(database.value<std::string>("select watching_since from presence_watch"),
            database.value<std::string>("select watched_until from presence_watch"));
  silent(40s);
  EXPECT_EQ(sites(), "berlin 3/3") << "they have their chance first";
  silent(5s);
  EXPECT_EQ(sites(), "berlin 0/3");
}

TEST_F(ConnectivityTest, AClockThatIsSetBackHidesNobodysSilence) {
  add("cam-1");
  add("gone");
  pass(60s);
  silent(60s);
  pass(60s, "cam-1");
  EXPECT_EQ(sites(), "berlin 1/2");
  clock -= 1h;
  tick();
  EXPECT_EQ(sites(), "berlin 1/2");
  silent(40s);
  EXPECT_EQ(sites(), "berlin 1/2");
  silent(10s);
  EXPECT_EQ(sites(), "berlin 0/2");
  pass(10s);
  EXPECT_EQ(sites(), "berlin 2/2");
  const auto told = fleet().fleet.availability;
  EXPECT_LE(told.reachable, told.expected);
}

// Seconds of all devices together. What happens meanwhile: beats stop, devices move, the broker goes and comes back,
// the server stands still or is started again.
TEST_F(ConnectivityTest, TheHoursAreWhatTheTimelinesAddUpTo) {
  Rng rng(1);
  bool is_there = true;
  const auto watch = [&] {
    is_there = true;
    presence->watch_while([&is_there] { return is_there; });
  };
  watch();
  std::map<std::string, Instant> silent_until;
  for (const char* site : {"a", "a", "b", "b", "", ""}) {
    const std::string id = "cam-" + std::to_string(silent_until.size());
    add(id, site);
    silent_until[id] = clock;
  }
  for (int step = 0; step < 260; ++step) {
    clock += 15s;
    if (rng.below(15) == 0) {
      is_there = !is_there;
      if (is_there) presence->watch_from(clock);
    }
    if (rng.below(60) == 0) clock += std::chrono::seconds(rng.below(120));
    if (rng.below(60) == 0) {
      restart();
      watch();
    }
    for (auto& [id, until] : silent_until) {
      if (clock < until || !is_there) continue;
      heard(id);
      if (rng.below(30) == 0) until = clock + std::chrono::seconds(rng.below(400));
      if (rng.below(200) == 0) database.exec(R"(update devices set labels = '{"site": "c"}' where id = ')" + id + "'");
    }
    tick();
  }
  Availability recounted;
  for (const auto& [id, until] : silent_until) recounted += timeline(id).availability;
  const auto told = fleet().fleet.availability;
  EXPECT_NEAR(told.expected.count(), recounted.expected.count(), 10);
  EXPECT_NEAR(told.reachable.count(), recounted.reachable.count(), 10);
  EXPECT_GT(recounted.unknown, 10min);
  EXPECT_LT(told.share().value(), 0.95);
}

}  // namespace
}  // namespace argosy::server
