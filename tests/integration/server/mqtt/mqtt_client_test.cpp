#include "server/mqtt/mqtt_client.hpp"

#include <cstdlib>
#include <stdexcept>

#include <gtest/gtest.h>

#include "common/base/encoding.hpp"
#include "common/base/random.hpp"
#include "tests/support/run_task.hpp"

namespace argosy::server {
namespace {

using test::run_task;
using test::run_until;

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') {
    throw std::runtime_error(
        std::string(name) +
        " is not set: this test needs a broker; run it through scripts/lib/with-services --mosquitto "
        "-- ctest ...");
  }
  return value;
}

class MqttClientTest : public ::testing::Test {
 protected:
  boost::asio::io_context io;
  std::string device = "cam-" + to_hex(secure_random(4));  // tests share the broker
  std::vector<MqttMessage> messages;
  int connects = 0;
  int disconnects = 0;

  MqttClient::Options options_as(const std::string& name, std::vector<std::string> subscriptions) const {
    const std::string folder = setting("ARGOSY_TEST_TLS") + "/";
    return {.uri = "ssl://127.0.0.1:" + setting("ARGOSY_TEST_MQTT_PORT"),
            .client_id = name,
            .identity = {.ca_file = folder + "ca.pem",
                         .certificate_file = folder + name + ".pem",
                         .key_file = folder + name + ".key"},
            .subscriptions = std::move(subscriptions)};
  }
  MqttClient::Handlers handlers() {
    return {.on_messages =
                [this](std::vector<MqttMessage> batch) { messages.insert(messages.end(), batch.begin(), batch.end()); },
            .on_refusals = {},
            .on_connected = [this] { ++connects; },
            .on_disconnected = [this] { ++disconnects; }};
  }
  // A second connection of the same identity: the broker ends the first.
  static void push_off() {
    const std::string folder = setting("ARGOSY_TEST_TLS") + "/";
    const std::string command = "mosquitto_pub -h 127.0.0.1 -p " + setting("ARGOSY_TEST_MQTT_PORT") + " --cafile " +
                                folder + "ca.pem --cert " + folder + "argosyd.pem --key " + folder +
                                "argosyd.key -t argosy/v1/nobody/up/event -m ''";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  std::string topic(const std::string& rest) const { return "argosy/v1/" + device + "/" + rest; }
};

TEST_F(MqttClientTest, PublishesAndReceivesOverTls) {
  MqttClient client(io.get_executor(), options_as("argosyd", {topic("up/+")}), handlers());
  client.start();
  ASSERT_TRUE(run_until(io, [&] { return connects == 1; }));
  EXPECT_TRUE(client.connected());
  const auto published = run_task(io, client.publish(topic("up/state"), "hello", false));
  EXPECT_TRUE(published) << published.error().message;
  ASSERT_TRUE(run_until(io, [&] { return messages.size() == 1; }));
  EXPECT_EQ(messages[0].topic, topic("up/state"));
  EXPECT_EQ(messages[0].payload, "hello");
  EXPECT_FALSE(messages[0].retained);
}

TEST_F(MqttClientTest, RetainedMessagesComeWithTheSubscription) {
  MqttClient first(io.get_executor(), options_as("argosyd", {topic("up/none")}), {});
  first.start();
  ASSERT_TRUE(run_until(io, [&] { return first.connected(); }));
  ASSERT_TRUE(run_task(io, first.publish(topic("up/state"), "kept", true)));
  first.stop();
  MqttClient second(io.get_executor(), options_as("argosyd", {topic("up/+")}), handlers());
  second.start();
  ASSERT_TRUE(run_until(io, [&] { return !messages.empty(); }));
  EXPECT_EQ(messages[0].payload, "kept");
  EXPECT_TRUE(messages[0].retained);
  ASSERT_TRUE(run_task(io, second.publish(topic("up/state"), "", true)));
}

TEST_F(MqttClientTest, ConnectsAndSubscribesAgainByItself) {
  MqttClient client(io.get_executor(), options_as("argosyd", {topic("up/+")}), handlers());
  client.start();
  ASSERT_TRUE(run_until(io, [&] { return connects == 1; }));
  push_off();
  ASSERT_TRUE(run_until(io, [&] { return disconnects >= 1; }));
  ASSERT_TRUE(run_until(io, [&] { return connects >= 2 && client.connected(); }));
  ASSERT_TRUE(run_task(io, client.publish(topic("up/state"), "again", false)));
  EXPECT_TRUE(run_until(io, [&] { return !messages.empty(); }));
}

TEST_F(MqttClientTest, SaysUnavailableWithoutABroker) {
  MqttClient::Options nowhere = options_as("argosyd", {topic("up/+")});
  nowhere.uri = "ssl://127.0.0.1:1";
  MqttClient client(io.get_executor(), nowhere, handlers());
  client.start();
  EXPECT_EQ(run_task(io, client.publish(topic("down/desired"), "x", true)).error().code, Errc::unavailable);
  EXPECT_EQ(connects, 0);
}

TEST_F(MqttClientTest, AStoppedClientStartsAgain) {
  MqttClient client(io.get_executor(), options_as("argosyd", {topic("up/+")}), handlers());
  for (int round = 1; round <= 3; ++round) {
    client.start();
    ASSERT_TRUE(run_until(io, [&] { return connects == round; }));
    client.stop();
    EXPECT_FALSE(client.connected());
    EXPECT_EQ(disconnects, round);
  }
}

TEST_F(MqttClientTest, DropsWhatIsTooLargeAndCountsIt) {
  MqttClient::Options small = options_as("argosyd", {topic("up/+")});
  small.rule_of = [](std::string_view) { return MqttTopicRule{"", 10}; };
  MqttClient client(io.get_executor(), small, handlers());
  client.start();
  ASSERT_TRUE(run_until(io, [&] { return connects == 1; }));
  ASSERT_TRUE(run_task(io, client.publish(topic("up/state"), std::string(11, 'x'), false)));
  ASSERT_TRUE(run_task(io, client.publish(topic("up/state"), "small", false)));
  ASSERT_TRUE(run_until(io, [&] { return !messages.empty(); }));
  EXPECT_EQ(messages[0].payload, "small");
  EXPECT_EQ(client.counters().inbox.too_large, 1U);
}

}  // namespace
}  // namespace argosy::server
