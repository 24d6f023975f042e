// The device's MQTT connection (Paho C++). Paho's threads only copy and post; everything here runs on the agent's loop.
// Reconnects with full jitter and subscribes again by itself. Nothing is queued while there is no connection: what must
// not be lost waits in the outbox.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "agent/link/proxy.hpp"
#include "common/base/error.hpp"
#include "net/mqtt_options.hpp"

namespace argosy::agent {

class MqttLink {
 public:
  static constexpr std::size_t inbox_limit = 64;  // messages on their way to the loop; more are dropped
  static constexpr std::size_t payload_limit = 1 << 20;

  struct Options {
    std::string uri;  // "ssl://broker:8883"
    std::string client_id;
    net::MqttIdentity identity;
    std::optional<Proxy> proxy;
    std::vector<std::string> subscriptions;
    std::string will_topic;
    int keep_alive_s = 30;
    std::uint64_t seed = 0;
  };
  struct Handlers {                            // all on the loop
    std::function<std::string()> new_session;  // before each try to connect: the will for it
    std::function<void()> on_connected;        // the subscriptions are asked for
    std::function<void()> on_disconnected;
    std::function<void(const std::string& topic, const std::string& payload)> on_message;
    std::function<void(const std::string& line)> log;
  };

  // Paho takes https_proxy from the environment for every broker, whatever no_proxy says: without it, Options::proxy
  // alone counts. Once, before there is a second thread.
  static void forget_environment();

  MqttLink(boost::asio::any_io_executor io, Options options, Handlers handlers);
  ~MqttLink();  // stop()
  void start();
  void stop();  // disconnects in order, waiting for at most a second
  bool connected() const;
  // What kept it from connecting may be over: the wait for the next try ends.
  void try_now();
  // QoS 1, handed to Paho; false when there is no connection.
  bool publish(const std::string& topic, std::string payload, bool retain);
  // Likewise with QoS 0, which saves the broker an answer: for what is sent again until the server itself answers.
  bool send(const std::string& topic, std::string payload);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace argosy::agent
