#include "server/devices/revocation_service.hpp"

#include "common/base/file.hpp"
#include "server/devices/device_service.hpp"
#include "tests/db/devices/devices_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

// The broker is a door here that notes who comes; tests/integration/revocation_test.py has a real one.
class RevocationServiceTest : public DevicesTest {
 protected:
  test::TemporaryFolder folder;
  CertificateAndKey authority = make_authority("test fleet", {now - 24h, now + 24h * 365}).value();
  DeviceService devices{pool};
  std::optional<RevocationService> revocation;
  const std::filesystem::path list = folder.path() / "crl.pem";
  std::vector<std::string> visitors;
  std::vector<std::string> cleared;
  std::vector<std::string> heard;
  Result<bool> takes_revoked = false;

  void SetUp() override { start(); }
  void start() {
    BrokerDoor door;
    door.visit = [this](std::string name, CertificateAndKey) { return visit(std::move(name)); };
    door.publish = [this](std::string topic, std::string payload) {
      return publish(std::move(topic), std::move(payload));
    };
    revocation.emplace(pool, RevocationOptions{authority, list}, std::move(door));
    revocation->on_ended(
        [this](const EndedCertificate& ended) { heard.push_back(ended.device + " " + ended.fingerprint); });
  }
  Task<Result<bool>> visit(std::string name) {
    visitors.push_back(name);
    if (name != "argosyd-probe") co_return true;
    if (!takes_revoked) co_return takes_revoked.error();
    co_return takes_revoked.value();
  }
  Task<Result<void>> publish(std::string topic, std::string payload) {
    cleared.push_back(topic + payload);
    co_return Result<void>{};
  }

  void add_certified(const std::string& id, const std::string& serial, Duration life = 24h) {
    add_device(id);
    database.exec("update devices set key_sha256 = 'key of " + id + "', certificate_serial = '" + serial +
                  "', certificate_fingerprint = 'print of " + id + "', certificate_not_after = '" +
                  to_rfc3339(wall_clock_now() + life) + "', present_not_after = '" +
                  to_rfc3339(wall_clock_now() + life) + "' where id = '" + id + "'");
  }
  void revoke(const std::string& id) { ASSERT_TRUE(run(devices.revoke(DeviceId{id}, "user:ada", now))); }
  Result<void> tick(bool leading = true, Duration later = 0s) {
    return run(revocation->tick(wall_clock_now() + later, leading));
  }
  int waiting() { return database.value<int>("select count(*) from ended_certificates where enforced_at is null"); }
  std::string list_text() const { return read_file(list).value(); }
};

TEST_F(RevocationServiceTest, ARevokedDeviceIsListedPutOutAndCleared) {
  add_certified("cam-1", "4a");
  ASSERT_TRUE(tick());
  const std::string empty = list_text();
  EXPECT_TRUE(visitors.empty());
  revoke("cam-1");
  ASSERT_TRUE(tick());
  EXPECT_NE(list_text(), empty);
  EXPECT_EQ(visitors, (std::vector<std::string>{"argosyd-probe", "cam-1"}));
  EXPECT_EQ(cleared, topics_of("cam-1"));
  EXPECT_EQ(heard, std::vector<std::string>{"cam-1 print of cam-1"});
  EXPECT_EQ(waiting(), 0);
  const std::string listed = list_text();
  ASSERT_TRUE(tick());
  EXPECT_EQ(visitors.size(), 2U);
  EXPECT_EQ(list_text(), listed) << "the broker is not reloaded for nothing";
}

TEST_F(RevocationServiceTest, NothingIsDoneBeforeTheBrokerHasReadTheList) {
  add_certified("cam-1", "4a");
  revoke("cam-1");
  takes_revoked = true;
  ASSERT_TRUE(tick()) << "it may take a moment";
  EXPECT_EQ(visitors, std::vector<std::string>{"argosyd-probe"});
  EXPECT_EQ(revocation->status().waiting, 1U);
  EXPECT_EQ(tick(true, 11s).error().code, Errc::unavailable);
  EXPECT_EQ(tick(true, 12s).error().code, Errc::unavailable);
  EXPECT_EQ(database.value<int>("select count(*) from events where kind = 'broker.revocation_late'"), 1);
  takes_revoked = make_error(Errc::unavailable, "the broker does not answer");
  EXPECT_FALSE(tick(true, 13s));
  takes_revoked = false;
  ASSERT_TRUE(tick(true, 14s));
  EXPECT_EQ(waiting(), 0);
  EXPECT_EQ(database.value<int>("select count(*) from events where kind = 'broker.revocation_done'"), 1);
}

TEST_F(RevocationServiceTest, AListThatCannotBeWrittenIsSaid) {
  add_certified("cam-1", "4a");
  ASSERT_TRUE(tick());
  std::filesystem::remove(list);
  std::filesystem::create_directories(list / "in the way");
  revoke("cam-1");
  EXPECT_FALSE(tick(true, 11s));
  EXPECT_EQ(revocation->status().waiting, 1U);
  EXPECT_EQ(database.value<int>("select count(*) from events where kind = 'broker.revocation_late'"), 1);
  std::filesystem::remove_all(list);
  EXPECT_TRUE(tick(true, 12s));
  EXPECT_EQ(waiting(), 0);
}

TEST_F(RevocationServiceTest, AnotherInstanceKeepsTheListAndLeavesTheBrokerToTheLeader) {
  add_certified("cam-1", "4a");
  ASSERT_TRUE(tick(false));
  const std::string empty = list_text();
  revoke("cam-1");
  ASSERT_TRUE(tick(false));
  EXPECT_NE(list_text(), empty);
  EXPECT_EQ(heard.size(), 1U);
  EXPECT_TRUE(visitors.empty());
  EXPECT_EQ(waiting(), 1);
}

TEST_F(RevocationServiceTest, OneThatDiedInTheMiddleIsGoneOnWith) {
  add_certified("cam-1", "4a");
  revoke("cam-1");
  start();
  ASSERT_TRUE(tick());
  EXPECT_EQ(waiting(), 0);
  EXPECT_EQ(cleared, topics_of("cam-1"));
}

TEST_F(RevocationServiceTest, WhoHasTheNameByThenKeepsWhatIsHis) {
  add_certified("cam-1", "4a");
  revoke("cam-1");
  database.exec("update devices set revoked_at = null");
  ASSERT_TRUE(tick());
  EXPECT_EQ(waiting(), 0);
  EXPECT_TRUE(cleared.empty());
}

TEST_F(RevocationServiceTest, ABrokerThatComesBackIsClearedOnceMore) {
  add_certified("cam-1", "4a");
  add_certified("cam-2", "4b");
  revoke("cam-1");
  revoke("cam-2");
  ASSERT_TRUE(tick());
  database.exec("update ended_certificates set ended_at = now() - interval '2 days' where device_id = 'cam-2'");
  cleared.clear();
  revocation->broker_is_back();
  ASSERT_TRUE(tick());
  EXPECT_EQ(cleared, topics_of("cam-1"));
}

TEST_F(RevocationServiceTest, ACertificateThatExpiresLosesItsConnection) {
  add_certified("cam-1", "4a", -1s);
  add_certified("cam-2", "4b", -2h);
  add_certified("cam-3", "4c", 1h);
  ASSERT_TRUE(tick());
  ASSERT_TRUE(tick());  // which hears of it
  EXPECT_EQ(visitors, (std::vector<std::string>{"argosyd-probe", "cam-1"}));
  EXPECT_TRUE(cleared.empty());
  ASSERT_TRUE(tick(true, 11s));
  EXPECT_EQ(visitors.size(), 2U) << "once";
}

TEST_F(RevocationServiceTest, WhatHasExpiredIsForgotten) {
  add_certified("cam-1", "4a");
  revoke("cam-1");
  ASSERT_TRUE(tick());
  ASSERT_TRUE(tick(true, 49h));
  EXPECT_EQ(database.value<int>("select count(*) from ended_certificates"), 0);
  EXPECT_EQ(database.value<int>("select count(*) from refused_keys"), 1) << "but never the key";
}

}  // namespace
}  // namespace argosy::server
