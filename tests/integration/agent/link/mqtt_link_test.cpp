#include "agent/link/mqtt_link.hpp"

#include <cstdio>
#include <cstdlib>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "common/base/encoding.hpp"
#include "common/base/file.hpp"
#include "common/base/random.hpp"
#include "common/crypto/certificates.hpp"
#include "common/crypto/keys.hpp"
#include "tests/unit/agent/link/connect_proxy.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using namespace std::chrono_literals;

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string fleet_file(const std::string& name) {
  return setting("ARGOSY_TEST_TLS") + "/" + name;
}

class MqttLinkTest : public ::testing::Test {
 protected:
  const std::string device = "cam-" + to_hex(secure_random(4));  // tests share the broker
  test::TempFolder folder;
  boost::asio::io_context io;
  std::vector<std::pair<std::string, std::string>> messages;
  int connects = 0;
  int disconnects = 0;
  int sessions = 0;
  std::vector<std::string> log;

  void SetUp() override {
    if (setting("ARGOSY_TEST_MQTT_PORT").empty())
      GTEST_SKIP() << "needs a broker: scripts/lib/with-services --mosquitto -- ctest ...";
    const CertificateAndKey authority{read_file(fleet_file("ca.pem")).value(), read_file(fleet_file("ca.key")).value()};
    const std::string key = make_private_key().value();
    const ClientCertificateOptions who{device, {wall_clock_now() - 1h, wall_clock_now() + 1h}, ""};
    const std::string certificate = issue_client_certificate(authority, make_csr(key, device).value(), who).value();
    ASSERT_TRUE(write_file_atomically(folder / "device.key", key));
    ASSERT_TRUE(write_file_atomically(folder / "device.pem", certificate));
  }
  std::string topic(const std::string& leaf) const { return "argosy/v1/" + device + "/" + leaf; }
  static std::string tool(const std::string& program, const std::string& certificate, const std::string& key) {
    return program + " -h 127.0.0.1 -p " + setting("ARGOSY_TEST_MQTT_PORT") + " --cafile " + fleet_file("ca.pem") +
           " --cert " + certificate + " --key " + key + " -q 1 ";
  }
  static std::string as_server(const std::string& program) {
    return tool(program, fleet_file("argosyd.pem"), fleet_file("argosyd.key"));
  }
  void server_publishes(const std::string& leaf, const std::string& payload, bool retain = false) const {
    const std::string command =
        as_server("mosquitto_pub") + (retain ? "-r " : "") + "-t " + topic(leaf) + " -m '" + payload + "'";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  MqttLink::Options options(const std::string& port = setting("ARGOSY_TEST_MQTT_PORT")) const {
    MqttLink::Options options;
    options.uri = "ssl://127.0.0.1:" + port;
    options.client_id = device;
    options.identity.ca_file = fleet_file("ca.pem");
    options.identity.certificate_file = folder / "device.pem";
    options.identity.key_file = folder / "device.key";
    options.subscriptions = {topic("down/desired"), topic("down/ack")};
    options.will_topic = topic("up/event");
    return options;
  }
  MqttLink::Handlers handlers() {
    MqttLink::Handlers handlers;
    handlers.new_session = [this] { return "will of session " + std::to_string(++sessions); };
    handlers.on_connected = [this] { ++connects; };
    handlers.on_disconnected = [this] { ++disconnects; };
    handlers.on_message = [this](const std::string& topic, const std::string& payload) {
      messages.emplace_back(topic, payload);
    };
    handlers.log = [this](const std::string& line) { log.push_back(line); };
    return handlers;
  }
  template <class Condition>
  bool run_until(Condition holds, std::chrono::seconds limit = 20s) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    auto work = boost::asio::make_work_guard(io);
    while (!holds() && std::chrono::steady_clock::now() < deadline) {
      io.restart();
      io.run_one_for(100ms);
    }
    return holds();
  }
};

TEST_F(MqttLinkTest, TakesWhatTheServerPublishes) {
  server_publishes("down/desired", "retained before", true);
  MqttLink link(io.get_executor(), options(), handlers());
  link.start();
  ASSERT_TRUE(run_until([&] { return connects == 1 && messages.size() == 1; }));
  EXPECT_EQ(messages[0], std::make_pair(topic("down/desired"), std::string("retained before")));
  server_publishes("down/ack", "ack");
  EXPECT_TRUE(run_until([&] { return messages.size() == 2; }));
}

TEST_F(MqttLinkTest, ProxyLeadsToTheBroker) {
  const test::ConnectProxy proxy;
  MqttLink::Options through = options();
  through.proxy = proxy.proxy("cam", "p:s%");
  MqttLink link(io.get_executor(), through, handlers());
  link.start();
  ASSERT_TRUE(run_until([&] { return connects == 1; }));
  EXPECT_EQ(proxy.requests()[0], "127.0.0.1:" + setting("ARGOSY_TEST_MQTT_PORT") + "|Basic Y2FtOnA6cyU=");
  server_publishes("down/ack", "ack");
  EXPECT_TRUE(run_until([&] { return messages.size() == 1; }));
}

TEST_F(MqttLinkTest, ProxyOfTheEnvironmentIsForTheCallerToJudge) {
  ::setenv("https_proxy", "http://127.0.0.1:1", 1);
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  MqttLink::forget_environment();
  MqttLink link(io.get_executor(), options(), handlers());
  link.start();
  EXPECT_TRUE(run_until([&] { return connects == 1; }));
}

TEST_F(MqttLinkTest, ProxyThatRefusesIsNamedWithoutItsPassword) {
  const test::ConnectProxy proxy("407");
  MqttLink::Options through = options();
  through.proxy = proxy.proxy("cam", "secret");
  MqttLink link(io.get_executor(), through, handlers());
  link.start();
  ASSERT_TRUE(run_until([&] { return !log.empty(); }));
  EXPECT_NE(log[0].find("through the proxy " + through.proxy->address()), std::string::npos) << log[0];
  EXPECT_EQ(log[0].find("secret"), std::string::npos);
  EXPECT_EQ(connects, 0);
}

TEST_F(MqttLinkTest, PublishedStateIsKeptByTheBroker) {
  MqttLink link(io.get_executor(), options(), handlers());
  EXPECT_FALSE(link.publish(topic("up/state"), "too early", true));
  link.start();
  ASSERT_TRUE(run_until([&] { return link.connected(); }));
  ASSERT_TRUE(link.publish(topic("up/state"), "state 7", true));
  const std::string command = as_server("mosquitto_sub") + "-t " + topic("up/state") + " -C 1 -W 10";
  FILE* output = ::popen(command.c_str(), "r");
  char line[64] = {};
  ASSERT_NE(std::fgets(line, sizeof line, output), nullptr);
  ::pclose(output);
  EXPECT_EQ(std::string(line), "state 7\n");
}

TEST_F(MqttLinkTest, ConnectsAndSubscribesAgainWithANewWill) {
  MqttLink link(io.get_executor(), options(), handlers());
  link.start();
  ASSERT_TRUE(run_until([&] { return connects == 1; }));
  const std::string rival =
      tool("mosquitto_pub", folder / "device.pem", folder / "device.key") + "-t " + topic("up/event") + " -m x";
  ASSERT_EQ(std::system(rival.c_str()), 0);  // the same identity: the broker ends the first connection
  ASSERT_TRUE(run_until([&] { return disconnects == 1; }));
  EXPECT_FALSE(link.publish(topic("up/state"), "x", true));
  ASSERT_TRUE(run_until([&] { return connects == 2; }));
  EXPECT_GE(sessions, 2);
  const std::size_t before = messages.size();
  server_publishes("down/ack", "after");
  EXPECT_TRUE(run_until([&] { return messages.size() > before && messages.back().second == "after"; }));
}

TEST_F(MqttLinkTest, BrokerThatIsGoneIsTriedAgainAndStopEndsThat) {
  MqttLink link(io.get_executor(), options("1"), handlers());
  link.start();
  ASSERT_TRUE(run_until([&] { return sessions >= 3; }));
  EXPECT_EQ(connects, 0);
  link.stop();
  const int tried = sessions;
  EXPECT_FALSE(run_until([&] { return sessions > tried; }, 2s));
}

}  // namespace
}  // namespace argosy::agent
