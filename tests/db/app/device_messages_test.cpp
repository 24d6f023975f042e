// What comes from the broker, by topic: who takes it, what is refused and counted, and what the quarantine learns.
#include "server/app/device_messages.hpp"

#include <algorithm>

#include "common/wire/state.hpp"
#include "tests/db/rollouts/rollout_fleet.hpp"
#include "tests/support/fleet_rows.hpp"

namespace argosy::server {
namespace {

class DeviceMessagesTest : public RolloutFleet {
 protected:
  void SetUp() override {
    RolloutFleet::SetUp();
    add_device("cam-1");
    add_device("cam-2");
    database.exec("update device_state set session_nonce = 5, interval_s = 10, last_seen_at = '" + to_rfc3339(sent_at) +
                  "'");
    presence.watch_from(sent_at);
    ASSERT_TRUE(run(presence.tick(sent_at)));
    database.exec("drop table health_samples_all");  // stand in for the partitions made here
    ASSERT_TRUE(run(telemetry.tick(sent_at)));
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
    state.at = sent_at;
    return wire::encode(state);
  }
  std::string batch_of(const std::string& device) const {
    return std::string(as_text(wire::encode(test::batch(device, 1, test::health(sent_at, 1)))));
  }
  static std::string will_of(const std::string& device, std::int64_t nonce) {
    return wire::encode(wire::LastWill{device, nonce});
  }
  // Whether a will has shortened the wait for its next sign of life.
  bool is_missed(const std::string& device) {
    EXPECT_TRUE(run(presence.tick(wall_clock_now() + Duration{1000})));
    return database.value<std::string>("select presence from device_state where device_id = '" + device + "'") ==
           "late";
  }
  bool wait(const std::function<bool()>& done) { return test::run_until(io, done); }
  int count(const std::string& sql) { return database.value<int>("select count(*) from " + sql); }

  // What the quarantine of this device holds, as an operator reads it.
  std::vector<QuarantineRow> quarantined(const std::string& device) {
    EXPECT_TRUE(run(quarantine.tick(wall_clock_now())));
    return run(quarantine.of_device(device)).value();
  }

  const Instant sent_at = wall_clock_now();
  DeviceService devices{pool};
  TelemetryService telemetry{pool};
  QuarantineService quarantine{pool, {.server_version = "1.0", .folder = {}}};
  StateIntake states{io.get_executor(), {devices, *rollouts, quarantine}};
  TelemetryIntake intake{quarantine, {.pairs = 3}};
  WorkerPool readers{io.get_executor(), {}};
  std::vector<std::string> acknowledged;
  BatchCollector collector{
      io.get_executor(),
      {telemetry, intake, readers},
      [this](const std::string& device, const wire::TelemetryAck&) { acknowledged.push_back(device); },
      [](const MessageId&, const Error&) {},
      {.device_bytes_limit = 4096}};
  PresenceService presence{pool};
  DeviceMessages messages{{states, presence, collector, quarantine}};
};

TEST_F(DeviceMessagesTest, EachTopicHasItsTaker) {
  messages.take({{topic("cam-1", "state"), state_of("cam-1"), true},
                 {topic("cam-1", "telemetry"), batch_of("cam-1"), false},
                 {topic("cam-2", "event"), will_of("cam-2", 5), false}});
  EXPECT_TRUE(is_missed("cam-2"));
  EXPECT_FALSE(is_missed("cam-1"));
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
  EXPECT_TRUE(is_missed("cam-1"));
  EXPECT_EQ(quarantine.counters().in_quarantine, 0u) << "it is nobody's";
}

TEST_F(DeviceMessagesTest, AClearedRetainedMessageSaysNothing) {
  for (const char* leaf : {"state", "telemetry", "event"}) take(topic("cam-1", leaf), "");
  EXPECT_EQ(messages.counters().refused, 0u);
  EXPECT_FALSE(is_missed("cam-1"));
  EXPECT_EQ(quarantine.counters().in_quarantine, 0u);
}

TEST_F(DeviceMessagesTest, AWillInAnothersNameIsRefusedAndHeldAgainstItsSender) {
  take(topic("cam-1", "event"), will_of("cam-2", 5));
  EXPECT_FALSE(is_missed("cam-2")) << "nobody says that another is gone";
  EXPECT_EQ(messages.counters().refused, 1u);
  const auto rows = quarantined("cam-1");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_NE(rows[0].reason.find("in the name of another device"), std::string::npos) << rows[0].reason;
}

TEST_F(DeviceMessagesTest, AWillThatCannotBeReadIsRefusedOnceAndPassedOverThereafter) {
  for (int i = 0; i < 5; ++i) take(topic("cam-1", "event"), "{");
  EXPECT_EQ(messages.counters().refused, 1u) << "the others were known";
  EXPECT_EQ(quarantine.counters().passed_over, 4u);
  take(topic("cam-1", "event"), will_of("cam-1", 5));
  EXPECT_TRUE(is_missed("cam-1")) << "another message is another matter";
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
  const auto noisy = quarantined("cam-1");
  const auto large = quarantined("cam-2");
  ASSERT_EQ(noisy.size(), 1u);
  ASSERT_EQ(large.size(), 1u);
  EXPECT_EQ(noisy[0].reason, too_much);
  EXPECT_EQ(noisy[0].count, 3);
  EXPECT_NE(large[0].reason.find("larger than its kind may be"), std::string::npos);
  EXPECT_EQ(large[0].count, 3);
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
