#include <optional>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "server/alerts/alert_service.hpp"
#include "server/db/db_pool.hpp"
#include "server/devices/presence_service.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;
using test::run_task;

// Sites of ten devices; presence is set by hand, counted by the job of presence, and judged by that of alerts.
class SiteDark : public ::testing::Test {
 protected:
  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 1}};
  PresenceService presence{pool};
  AlertService alerts{pool};
  Instant clock = instant_from_ms(1'790'000'000'000);

  void SetUp() override {
    for (const char* site : {"berlin", "lyon"}) {
      database.exec("insert into devices (id, hardware_class, labels) select '" + std::string(site) +
                    "-' || n, 'cpu', '{\"site\": \"" + site + "\"}' from generate_series(0, 9) n");
      database.exec("insert into device_state (device_id, presence) select id, 'online' from devices where id like '" +
                    std::string(site) + "%'");
    }
    go_on();
  }
  void go_on(Duration time = 1s) {
    clock += time;
    ASSERT_TRUE(run_task(io, presence.tick(clock)));
    ASSERT_TRUE(run_task(io, alerts.tick(clock)));
  }
  void become(const std::string& state, const std::string& which) {
    database.exec("update device_state set presence = '" + state + "' where device_id similar to '" + which + "'");
    go_on();
  }
  // "site_dark berlin, gone_dark berlin-1": what fires, and no other alert stands for.
  std::string firing() {
    return database.value<std::string>(
        "select coalesce(string_agg(rule || ' ' || coalesce(site, device_id), ', ' order by rule desc, site, "
        "device_id), '') from alerts where state = 'firing' and inhibited_by is null");
  }
  int inhibited() {
    return database.value<int>(
        "select count(*) from alerts a join alerts s on s.id = a.inhibited_by where a.state = 'firing' and s.rule = "
        "'site_dark'");
  }
  int events(const std::string& kind) {
    return database.value<int>("select count(*) from events where kind = '" + kind + "'");
  }
};

TEST_F(SiteDark, ManyGoneTogetherAreOneAlert) {
  become("offline", "berlin-[0-7]");
  EXPECT_EQ(firing(), "site_dark berlin");
  EXPECT_EQ(events("alert.firing"), 1);
  EXPECT_EQ(inhibited(), 8);
  EXPECT_EQ(database.value<std::string>("select message from alerts where site is not null"),
            "site berlin has gone dark: 8 of its 10 devices are offline");
  become("offline", "berlin-8");
  EXPECT_EQ(firing(), "site_dark berlin");
  EXPECT_EQ(inhibited(), 9);
  EXPECT_EQ(database.value<double>("select value from alerts where site is not null"), 0.9) << "the figures follow";
  EXPECT_EQ(events("alert.firing"), 1);
}

TEST_F(SiteDark, AFewGoneHaveAlertsOfTheirOwn) {
  become("offline", "berlin-[0-2]");
  EXPECT_EQ(firing(), "gone_dark berlin-0, gone_dark berlin-1, gone_dark berlin-2");
}

TEST_F(SiteDark, TheAlertsOfThoseThatWentMinutesBeforeArePartOfIt) {
  become("offline", "berlin-0");
  go_on(20s);
  clock += 20min;
  become("offline", "berlin-[1-2]");
  become("offline", "berlin-[3-6]");
  EXPECT_EQ(firing(), "site_dark berlin, gone_dark berlin-0") << "the first went for a reason of its own";
  EXPECT_EQ(events("alert.resolved"), 0) << "nobody is told that a device is well which is away";
  const auto told = events("alert.firing");
  become("online", "berlin-[3-6]");
  EXPECT_EQ(firing(), "site_dark berlin, gone_dark berlin-0") << "three of ten is not yet well";
  become("online", "berlin-2");
  become("online", "berlin-0");
  EXPECT_EQ(firing(), "gone_dark berlin-1") << "it is still away when its site is back";
  EXPECT_EQ(events("alert.firing"), told) << "which was told before";
  become("online", "berlin-1");
  EXPECT_EQ(events("alert.resolved"), 4) << "of all that were told";
}

TEST_F(SiteDark, WhoIsStillAwayWhenTheSiteIsBackHasAnAlertOfItsOwn) {
  become("offline", "berlin-%");
  become("online", "berlin-[0-6]");
  EXPECT_EQ(firing(), "site_dark berlin") << "three of ten is not yet well";
  become("online", "berlin-[7-8]");
  EXPECT_EQ(firing(), "gone_dark berlin-9");
  EXPECT_EQ(events("alert.firing"), 2) << "it is told now, that of its site was before";
  EXPECT_EQ(events("alert.resolved"), 1) << "nobody heard of the others";
  become("online", "berlin-9");
  EXPECT_EQ(firing(), "");
}

TEST_F(SiteDark, ALabelMovesADeviceAndItsAlert) {
  become("offline", "berlin-%");
  EXPECT_EQ(firing(), "site_dark berlin");
  database.exec(R"(update devices set labels = '{"site": "lyon"}' where id = 'berlin-3')");
  go_on();
  EXPECT_EQ(firing(), "site_dark berlin, gone_dark berlin-3") << "its new site is there";
  database.exec(R"(update devices set labels = '{"site": "berlin"}' where id = 'berlin-3')");
  go_on();
  EXPECT_EQ(firing(), "site_dark berlin");
}

TEST_F(SiteDark, ASiteThatIsTakenApartHasNoAlertAnyMore) {
  become("offline", "berlin-%");
  database.exec("update devices set labels = '{}' where id like 'berlin-%'");
  go_on();
  EXPECT_EQ(database.value<int>("select count(*) from alerts where site is not null and state = 'firing'"), 0);
  EXPECT_EQ(database.value<int>("select count(*) from alerts where rule = 'gone_dark' and state = 'firing'"), 10);
}

TEST_F(SiteDark, RevokedDevicesCountNoMore) {
  become("offline", "berlin-[0-4]");
  EXPECT_EQ(firing(), "site_dark berlin");
  database.exec("update devices set revoked_at = now() where id similar to 'berlin-[0-4]'");
  go_on();
  EXPECT_EQ(firing(), "");
}

TEST_F(SiteDark, DevicesWithoutASiteHaveAlertsOfTheirOwn) {
  database.exec("update devices set labels = '{}' where id like 'berlin-%'");
  go_on();
  become("offline", "berlin-%");
  EXPECT_EQ(database.value<int>("select count(*) from alerts where rule = 'gone_dark' and state = 'firing'"), 10);
  EXPECT_EQ(database.value<int>("select count(*) from alerts where site is not null"), 0);
}

TEST_F(SiteDark, TheListTellsTheSite) {
  become("offline", "lyon-%");
  const auto page = run_task(io, alerts.list({.state = "firing", .device = {}, .rule = "site_dark", .before = {}}));
  ASSERT_EQ(page.value().items.size(), 1U);
  EXPECT_EQ(page.value().items[0].site, "lyon");
  EXPECT_EQ(page.value().items[0].device, "");
}

}  // namespace
}  // namespace argosy::server
