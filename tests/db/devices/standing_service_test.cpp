#include "server/devices/standing_service.hpp"

#include "tests/db/devices/devices_fixture.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

Task<Result<bool>> refuse(DeviceId, Digest) {
  co_return false;
}

class StandingServiceTest : public DevicesTest {
 protected:
  const Digest certificate = Digest::parse(std::string(64, 'a')).value();
  StandingService standing{io.get_executor(), pool, refuse, options()};

  StandingOptions options() const { return {.conninfo = database.conninfo(), .memory = {}}; }
  void SetUp() override {
    add_device("cam-1");
    database.exec("update devices set certificate_fingerprint = '" + certificate.to_hex() + "', desired_rev = 3");
  }
  bool is_current() { return run(standing.is_current(DeviceId{"cam-1"}, certificate)).value(); }
  // Asks until the answer needs no database.
  void become_known() {
    ASSERT_TRUE(test::run_until(io, [this] { return is_current() && standing.desired_rev("cam-1"); }));
  }
  std::uint64_t asked() { return standing.figures().from_database; }
};

TEST_F(StandingServiceTest, WhoIsKnownCostsNoQuery) {
  become_known();
  EXPECT_EQ(standing.desired_rev("cam-1"), 3);
  const auto before = asked();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(is_current());
  EXPECT_LE(asked(), before + 1) << "one more if a second went by meanwhile";
  EXPECT_FALSE(run(standing.is_current(DeviceId{"cam-1"}, Digest{})).value());
}

TEST_F(StandingServiceTest, AChangeByAnotherInstanceIsSeen) {
  become_known();
  database.exec("update devices set desired_rev = 4");
  EXPECT_TRUE(test::run_until(
      io, [this] { return is_current() && standing.desired_rev("cam-1") == 4; }, 1s));
  database.exec("update devices set revoked_at = now()");
  EXPECT_TRUE(test::run_until(
      io, [this] { return !is_current(); }, 1s));
  EXPECT_FALSE(standing.desired_rev("cam-1"));
}

TEST_F(StandingServiceTest, AChangeByThisInstanceHoldsAtOnce) {
  become_known();
  database.exec("update devices set revoked_at = now()");
  standing.forget(DeviceId{"cam-1"});
  EXPECT_FALSE(is_current());
}

Task<Result<bool>> accept(DeviceId, Digest) {
  co_return true;
}

TEST_F(StandingServiceTest, TheFirstUseOfANewCertificateEndsTheOldOneHereAtOnce) {
  StandingService renewing{io.get_executor(), pool, accept, options()};
  const auto is_current_now = [&](const Digest& print) {
    return run(renewing.is_current(DeviceId{"cam-1"}, print)).value();
  };
  ASSERT_TRUE(test::run_until(io, [&] { return is_current_now(certificate) && renewing.desired_rev("cam-1"); }));
  ASSERT_TRUE(is_current_now(Digest{}));
  const auto asked_before = renewing.figures().from_database;
  EXPECT_TRUE(is_current_now(certificate));
  EXPECT_EQ(renewing.figures().from_database, asked_before + 1);
}

TEST_F(StandingServiceTest, ALostConnectionForTheNewsIsNoReasonToBeWrong) {
  become_known();
  database.disconnect_others();
  database.exec("update devices set revoked_at = now()");
  EXPECT_TRUE(test::run_until(io, [this] {
    const auto answer = run(standing.is_current(DeviceId{"cam-1"}, certificate));
    return answer && !*answer;
  }));
  database.exec("update devices set revoked_at = null");
  become_known();
}

}  // namespace
}  // namespace argosy::server
