// What comes from the broker, by topic: who takes it, what is refused and counted, and what the quarantine learns.
#include "server/app/device_messages.hpp"

#include <gtest/gtest.h>

#include "common/crypto/digest.hpp"
#include "common/wire/state.hpp"
#include "server/db/db_pool.hpp"
#include "server/devices/device_service.hpp"
#include "server/rollouts/rollout_service.hpp"
#include "tests/support/fleet_rows.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {
namespace {

// Presence that only notes who is said to be gone.
class NotedWills : public PresenceService {
 public:
  void take_will(const wire::LastWill& will, Instant) override { wills.emplace_back(will.device, will.nonce); }
  void watch_from(Instant) override {}
  Task<Result<std::size_t>> tick(Instant) override { co_return std::size_t{0}; }
  PresenceFigures figures() const override { return {}; }
  std::vector<std::pair<std::string, std::int64_t>> wills;
};

class DeviceMessagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    test::add_device(database, "cam-1");
    test::add_device(database, "cam-2");
    ASSERT_TRUE(test::run_task(io, telemetry->tick(now)));
  }
  static std::string topic(const std::string& device, const std::string& leaf) {
    return "argosy/v1/" + device + "/up/" + leaf;
  }
  void take(const std::string& to, std::string payload) { messages.take({{to, std::move(payload), false}}); }
  std::string state_of(const std::string& device) const {
    wire::DeviceState state;
    state.device = device;
    state.nonce = 7;
    state.agent_version = "9.9";
    state.at = now;
    return wire::encode(state);
  }
  std::string batch_of(const std::string& device) const {
    return std::string(as_text(wire::encode(test::batch(device, 1, test::health(now, 1)))));
  }
  static std::string will_of(const std::string& device, std::int64_t nonce) {
    return wire::encode(wire::LastWill{device, nonce});
  }
  bool wait(const std::function<bool()>& done) { return test::run_until(io, done); }
  int count(const std::string& sql) { return database.value<int>("select count(*) from " + sql); }

  const Instant now = wall_clock_now();
  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 1}};
  std::unique_ptr<DeviceService> devices = create_device_service(pool);
  std::unique_ptr<RolloutService> rollouts = create_rollout_service(pool);
  std::unique_ptr<TelemetryService> telemetry = create_telemetry_service(pool);
  QuarantineService quarantine{pool, {.server_version = "1.0", .folder = {}}};
  StateIntake states{io.get_executor(), {*devices, *rollouts, quarantine}};
  TelemetryIntake intake{quarantine, {.pairs = 3}};
  std::vector<std::string> acknowledged;
  BatchCollector collector{
      io.get_executor(),
      *telemetry,
      intake,
      [this](const std::string& device, const wire::TelemetryAck&) { acknowledged.push_back(device); },
      [](const MessageId&, const Error&) {},
      {.device_bytes_limit = 4096}};
  NotedWills presence;
  DeviceMessages messages{{states, presence, collector, quarantine}};
};

using Wills = std::vector<std::pair<std::string, std::int64_t>>;

TEST_F(DeviceMessagesTest, EachTopicHasItsTaker) {
  messages.take({{topic("cam-1", "state"), state_of("cam-1"), true},
                 {topic("cam-1", "telemetry"), batch_of("cam-1"), false},
                 {topic("cam-2", "event"), will_of("cam-2", 5), false}});
  EXPECT_EQ(presence.wills, (Wills{{"cam-2", 5}}));
  ASSERT_TRUE(wait([&] { return acknowledged == std::vector<std::string>{"cam-1"}; }));
  ASSERT_TRUE(wait([&] { return count("device_state where device_id = 'cam-1' and agent_version = '9.9'") == 1; }));
  EXPECT_EQ(messages.counters().refused, 0u);
}

TEST_F(DeviceMessagesTest, WhatIsOnNoTopicOfADeviceIsRefusedAndCountedAndTheNextIsTaken) {
  messages.take({{"argosy/v1/cam-1/down/desired", "{}", false},
                 {"argosy/v1/cam-1/up/secrets", "{}", false},
                 {"argosy/v1/argosyd/up/state", "{}", false},
                 {topic("cam-1", "event"), will_of("cam-1", 5), false}});
  EXPECT_EQ(messages.counters().refused, 3u);
  EXPECT_EQ(presence.wills.size(), 1u);
  EXPECT_EQ(quarantine.counters().in_quarantine, 0u) << "it is nobody's";
}

TEST_F(DeviceMessagesTest, AClearedRetainedMessageSaysNothing) {
  for (const char* leaf : {"state", "telemetry", "event"}) take(topic("cam-1", leaf), "");
  EXPECT_EQ(messages.counters().refused, 0u);
  EXPECT_TRUE(presence.wills.empty());
  EXPECT_EQ(quarantine.counters().in_quarantine, 0u);
}

TEST_F(DeviceMessagesTest, AWillInAnothersNameIsRefusedAndHeldAgainstItsSender) {
  take(topic("cam-1", "event"), will_of("cam-2", 5));
  EXPECT_TRUE(presence.wills.empty()) << "nobody says that another is gone";
  EXPECT_EQ(messages.counters().refused, 1u);
  const auto rows = test::run_task(io, quarantine.of_device("cam-1"));
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_NE(rows->front().reason.find("in the name of another device"), std::string::npos) << rows->front().reason;
}

TEST_F(DeviceMessagesTest, AWillThatCannotBeReadIsRefusedOnceAndPassedOverThereafter) {
  for (int i = 0; i < 5; ++i) take(topic("cam-1", "event"), "{");
  EXPECT_EQ(messages.counters().refused, 1u) << "the others were known";
  EXPECT_EQ(quarantine.counters().passed_over, 4u);
  take(topic("cam-1", "event"), will_of("cam-1", 6));
  EXPECT_EQ(presence.wills, (Wills{{"cam-1", 6}})) << "another message is another matter";
  EXPECT_EQ(quarantine.counters().in_quarantine, 0u);
}

TEST_F(DeviceMessagesTest, TelemetryWithoutRoomIsRefusedOfItsDeviceAlone) {
  for (int i = 0; i < 100; ++i) take(topic("cam-1", "telemetry"), batch_of("cam-1"));
  EXPECT_GT(messages.counters().refused, 0u);
  EXPECT_LT(messages.counters().refused, 100u);
  EXPECT_EQ(messages.counters().refused, collector.counters().dropped);
  const auto before = messages.counters().refused;
  take(topic("cam-2", "telemetry"), batch_of("cam-2"));
  EXPECT_EQ(messages.counters().refused, before);
  EXPECT_TRUE(wait([&] { return std::count(acknowledged.begin(), acknowledged.end(), "cam-2") == 1; }));
}

TEST_F(DeviceMessagesTest, WhatTheInboxDidNotTakeIsToldToTheQuarantineByItsCause) {
  messages.take_refusals({{"cam-1", 3, 0}, {"cam-2", 1, 2}});
  const auto noisy = test::run_task(io, quarantine.of_device("cam-1"));
  const auto large = test::run_task(io, quarantine.of_device("cam-2"));
  ASSERT_TRUE(noisy && large);
  ASSERT_EQ(noisy->size(), 1u);
  ASSERT_EQ(large->size(), 1u);
  EXPECT_EQ(noisy->front().reason, too_much);
  EXPECT_EQ(noisy->front().count, 3);
  EXPECT_NE(large->front().reason.find("larger than its kind may be"), std::string::npos);
  EXPECT_EQ(large->front().count, 3);
}

TEST_F(DeviceMessagesTest, ATopicTellsItsSenderAndItsSizeBeforeAnythingIsCopied) {
  const auto rule = DeviceMessages::rule_of("argosy/v1/cam-1/up/telemetry");
  ASSERT_TRUE(rule);
  EXPECT_EQ(rule->sender, "cam-1");
  EXPECT_EQ(rule->payload_limit, 1u << 20);
  EXPECT_EQ(DeviceMessages::rule_of("argosy/v1/cam-1/up/event")->payload_limit, 1u << 10);
  EXPECT_FALSE(DeviceMessages::rule_of("argosy/v1/cam-1/down/ack"));
}

}  // namespace
}  // namespace argosy::server
