#include "common/wire/diagnostics.hpp"

#include <optional>

#include "server/devices/diagnostics_service.hpp"
#include "tests/db/devices/devices_fixture.hpp"

namespace argosy::server {
namespace {

class DiagnosticsOfDevices : public DevicesTest {
 protected:
  void SetUp() override {
    add_device("cam-1");
    database.exec("update device_state set presence = 'online'");
    diagnostics.use([this](const DiagnosticsQuestion& question) { asked.push_back(question); });
  }
  DeviceDiagnostics ask(const std::string& reason = "it is slow", Duration later = {}) {
    return run(diagnostics.ask(DeviceId("cam-1"), reason, "user:ada", now + later)).value();
  }
  std::size_t tick(Duration later) { return run(diagnostics.tick(now + later)).value(); }
  Result<void> answer(std::int64_t id, const std::string& device = "cam-1", Duration later = {}) {
    wire::Diagnostics document;
    document.id = id;
    document.state.device = device;
    document.state.agent_version = "1.2.3";
    return run(diagnostics.take(DeviceId("cam-1"), wire::encode(document), now + later));
  }
  std::string state_of(std::int64_t id) {
    return database.value<std::string>("select state from diagnostics where id = " + std::to_string(id));
  }

  DiagnosticsService diagnostics{pool, 7};
  std::vector<DiagnosticsQuestion> asked;
};

TEST_F(DiagnosticsOfDevices, AreAskedForAnsweredAndShown) {
  const auto question = ask();
  EXPECT_EQ(question.state, "waiting");
  EXPECT_EQ(ask("again").id, question.id) << "one at a time";
  EXPECT_EQ(tick({}), 1u);
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].device, "cam-1");
  EXPECT_EQ(tick(Duration{1000}), 0u) << "it has some time to answer";
  ASSERT_TRUE(answer(question.id));
  const auto found = run(diagnostics.get(DeviceId("cam-1"), question.id)).value();
  EXPECT_EQ(found.state, "answered");
  EXPECT_NE(found.document.value().find("1.2.3"), std::string::npos);
  EXPECT_EQ(found.bytes, static_cast<std::int64_t>(found.document->size()));
  ASSERT_TRUE(answer(question.id)) << "said twice is no error";
  EXPECT_EQ(database.value<int>("select count(*) from events where kind = 'device.diagnostics'"), 1);
  EXPECT_EQ(database.value<int>("select count(*) from audit where action = 'device.diagnostics'"), 1);
}

TEST_F(DiagnosticsOfDevices, AreAskedForAgainAndGivenUp) {
  const auto question = ask();
  tick({});
  tick(Duration{120'000});
  EXPECT_EQ(asked.size(), 2u) << "the question or the answer was lost";
  tick(diagnostics_wait);
  EXPECT_EQ(state_of(question.id), "unanswered");
  ASSERT_TRUE(answer(question.id)) << "late, but it says what it says";
  EXPECT_EQ(state_of(question.id), "answered");
}

TEST_F(DiagnosticsOfDevices, ADeviceThatIsAwayIsAskedWhenItIsBack) {
  database.exec("update device_state set presence = 'offline'");
  ask();
  EXPECT_EQ(tick({}), 0u);
  database.exec("update device_state set presence = 'online'");
  EXPECT_EQ(tick(Duration{120'000}), 1u);
}

TEST_F(DiagnosticsOfDevices, OfADeviceTheNewestAreKept) {
  std::vector<std::int64_t> ids;
  for (int i = 0; i < diagnostics_kept + 2; ++i) {
    ids.push_back(ask("it is slow", Duration{i}).id);
    ASSERT_TRUE(answer(ids.back()));
  }
  const auto list = run(diagnostics.list(DeviceId("cam-1"))).value();
  ASSERT_EQ(list.size(), static_cast<std::size_t>(diagnostics_kept));
  EXPECT_EQ(list.front().id, ids.back()) << "newest first";
  EXPECT_FALSE(list.front().document) << "a list is short";
  EXPECT_EQ(run(diagnostics.get(DeviceId("cam-1"), ids.front())).error().code, Errc::not_found);
}

TEST_F(DiagnosticsOfDevices, NobodyAnswersForAnotherOrWhatWasNotAsked) {
  const auto question = ask();
  EXPECT_EQ(answer(question.id, "cam-2").error().code, Errc::forbidden);
  EXPECT_EQ(answer(question.id + 1).error().code, Errc::not_found);
  EXPECT_FALSE(run(diagnostics.take(DeviceId("cam-1"), "{}", now)));
  EXPECT_EQ(run(diagnostics.ask(DeviceId("dog-1"), "", "user:ada", now)).error().code, Errc::not_found);
  database.exec("update devices set revoked_at = now()");
  EXPECT_EQ(run(diagnostics.ask(DeviceId("cam-1"), "", "user:ada", now)).error().code, Errc::conflict);
}

}  // namespace
}  // namespace argosy::server
