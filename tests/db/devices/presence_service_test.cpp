#include "server/devices/presence_service.hpp"

#include "tests/db/devices/devices_fixture.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

class PresenceServiceTest : public DevicesTest {
 protected:
  std::optional<PresenceService> presence{std::in_place, pool};

  void SetUp() override {
    add_device("cam-1");
    presence->watch_from(now);
  }
  // The device promised a beat every 10 s.
  void heard(Instant at, std::int64_t nonce = 1) {
    database.exec("update device_state set last_seen_at = '" + to_rfc3339(at) +
                  "', interval_s = 10, session_nonce = " + std::to_string(nonce));
  }
  void sent(Instant at) {
    database.exec(
        "insert into telemetry_cursors (device_id, epoch, seq, received_at, speaks) values ('cam-1', '0123', 1, '" +
        to_rfc3339(at) + "', true) on conflict (device_id, epoch) do update set received_at = excluded.received_at");
  }
  std::string after(Duration later) {
    const auto ticked = run(presence->tick(now + later));
    EXPECT_TRUE(ticked) << ticked.error().message;
    return database.value<std::string>("select presence from device_state");
  }
  int events() { return database.value<int>("select count(*) from events where kind = 'device.presence'"); }
};

TEST_F(PresenceServiceTest, FollowsADeviceThroughItsLife) {
  EXPECT_EQ(after(0s), "never_seen");
  heard(now + 1s);
  EXPECT_EQ(after(2s), "online");
  EXPECT_EQ(after(10s), "online");
  EXPECT_EQ(after(17s), "late");
  EXPECT_EQ(after(44s), "offline");
  EXPECT_EQ(after(60s), "offline");
  heard(now + 61s);
  EXPECT_EQ(after(62s), "online");
  EXPECT_EQ(events(), 4);
  EXPECT_EQ(database.value<std::string>("select severity from events where details->>'to' = 'offline'"), "warning");
}

TEST_F(PresenceServiceTest, AWillOfThisSessionShortensTheWait) {
  heard(now, 5);
  EXPECT_EQ(after(1s), "online");
  presence->take_will({"cam-1", 4}, now + 2s);
  EXPECT_EQ(after(3s), "online");
  presence->take_will({"cam-1", 5}, now + 4s);
  EXPECT_EQ(after(5s), "late");
  EXPECT_EQ(after(18s), "late");
  EXPECT_EQ(after(19s), "offline");
}

TEST_F(PresenceServiceTest, AfterARestartEveryoneHasTheirChance) {
  heard(now);
  EXPECT_EQ(after(1s), "online");
  presence.emplace(pool);
  presence->watch_from(now + 1h);
  EXPECT_EQ(after(1h), "online");
  EXPECT_EQ(after(1h + 20s), "late");
  EXPECT_EQ(after(1h + 42s), "late");
  EXPECT_EQ(after(1h + 43s), "offline");
}

TEST_F(PresenceServiceTest, RevokedDevicesAreNotJudged) {
  heard(now);
  EXPECT_EQ(after(1s), "online");
  database.exec("update devices set revoked_at = now()");
  EXPECT_EQ(after(1h), "online");
}

TEST_F(PresenceServiceTest, ATimeScaleMakesEverythingQuicker) {
  PresenceOptions options;
  options.time_scale = 0.1;
  presence.emplace(pool, options);
  heard(now);
  EXPECT_EQ(after(1s), "online");
  EXPECT_EQ(after(1600ms), "late");
  EXPECT_EQ(after(4300ms), "offline");
}

TEST_F(PresenceServiceTest, AMassOutageIsJudgedInOneTick) {
  database.exec("insert into devices (id, hardware_class) select 'x-' || n, 'cpu' from generate_series(1, 1000) n");
  database.exec(
      "insert into device_state (device_id, presence, last_seen_at, interval_s) "
      "select id, 'online', '" +
      to_rfc3339(now) + "', 10 from devices where id like 'x-%'");
  EXPECT_EQ(run(presence->tick(now + 14s)).value(), 0U);
  EXPECT_EQ(run(presence->tick(now + 44s)).value(), 1000U);
}

// Whoever waits longest comes first, and a tick ends at its budget: of two that are due, the other one is next.
TEST_F(PresenceServiceTest, TheLongestDueIsJudgedFirst) {
  add_device("cam-2");
  heard(now);
  database.exec("update device_state set last_seen_at = last_seen_at - interval '5 s' where device_id = 'cam-2'");
  PresenceOptions options;
  options.slice = 1;
  options.budget = Duration{0};
  presence.emplace(pool, options);
  EXPECT_EQ(run(presence->tick(now + 1s)).value(), 1U);
  EXPECT_EQ(presence->figures().longest_wait, 6s);
  EXPECT_EQ(database.value<std::string>("select device_id from device_state where presence = 'online'"), "cam-2");
  EXPECT_EQ(run(presence->tick(now + 1s)).value(), 1U);
  EXPECT_EQ(presence->figures().longest_wait, 1s);
}

TEST_F(PresenceServiceTest, ATickReadsNobodyWhoIsNotDue) {
  heard(now);
  EXPECT_EQ(after(1s), "online");
  const auto judged = presence->figures().judged;
  for (int second = 2; second < 15; ++second) EXPECT_EQ(after(std::chrono::seconds(second)), "online");
  EXPECT_EQ(presence->figures().judged, judged);
  EXPECT_EQ(after(15s), "late");
  EXPECT_EQ(after(16s), "late");
  EXPECT_EQ(presence->figures().judged, judged + 1);
}

TEST_F(PresenceServiceTest, ADeviceThatIsBeingWrittenIsJudgedLater) {
  heard(now);
  EXPECT_EQ(after(1s), "online");
  pqxx::connection other(database.conninfo());
  pqxx::work writing(other);
  writing.exec0("update device_state set health = '{}'");
  EXPECT_EQ(after(20s), "online");
  writing.exec0("update device_state set last_seen_at = '" + to_rfc3339(now + 19s) + "'");
  writing.commit();
  EXPECT_EQ(after(21s), "online");
  EXPECT_EQ(after(19s + 15s), "late");
}

TEST_F(PresenceServiceTest, TelemetryIsASignOfLife) {
  heard(now);
  sent(now + 30s);
  EXPECT_EQ(after(31s), "online");
  EXPECT_EQ(after(44s), "online");
  EXPECT_EQ(after(46s), "late");
  EXPECT_FALSE(database.value<bool>("select speaks from telemetry_cursors")) << "its next batch has to be told of";
}

TEST_F(PresenceServiceTest, TelemetryByAClockThatWasSetBackHidesNoSilence) {
  heard(now);
  sent(now + 1h);
  EXPECT_EQ(after(1h), "online");
  EXPECT_EQ(after(0s), "online") << "everyone has their chance first";
  EXPECT_EQ(after(20s), "late");
  EXPECT_EQ(after(42s), "late");
  EXPECT_EQ(after(43s), "offline");
}

TEST_F(PresenceServiceTest, ADeviceWhoseTelemetryIsBeingStoredIsJudgedLater) {
  heard(now);
  sent(now);
  EXPECT_EQ(after(1s), "online");
  pqxx::connection other(database.conninfo());
  pqxx::work storing(other);
  storing.exec0("update telemetry_cursors set received_at = '" + to_rfc3339(now + 19s) + "'");
  EXPECT_EQ(after(20s), "online");
  storing.commit();
  EXPECT_EQ(after(21s), "online");
  EXPECT_EQ(after(19s + 15s), "late");
}

TEST_F(PresenceServiceTest, AShorterPromiseHoldsAtOnce) {
  heard(now);
  EXPECT_EQ(after(1s), "online");
  database.exec("update device_state set interval_s = 2");
  EXPECT_EQ(after(3s), "late");
}

TEST_F(PresenceServiceTest, WillsThatWaitAreLimited) {
  PresenceOptions options;
  options.will_limit = 1;
  presence.emplace(pool, options);
  heard(now);
  EXPECT_EQ(after(1s), "online");
  presence->take_will({"cam-1", 1}, now + 2s);
  presence->take_will({"nobody", 1}, now + 2s);
  presence->take_will({"cam-1", 1}, now + 3s);
  EXPECT_EQ(presence->figures().dropped_wills, 1U);
  EXPECT_EQ(after(4s), "late");
}

}  // namespace
}  // namespace argosy::server
