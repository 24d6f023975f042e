// A connection of the server to the MQTT broker (Paho C++). Callbacks of Paho's threads only copy into a bounded inbox
// and post one wake-up; everything else happens on the I/O thread. Knows no domain word. Reconnects with full jitter
// and subscribes again by itself.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "common/base/error.hpp"
#include "net/mqtt_options.hpp"
#include "server/mqtt/mqtt_inbox.hpp"

namespace argosy::server {

class Metrics;

class MqttClient {
 public:
  struct Options {
    std::string uri;  // "ssl://127.0.0.1:8883"
    std::string client_id;
    net::MqttIdentity identity;
    std::vector<std::string> subscriptions;          // at QoS 1
    std::vector<std::string> light_subscriptions{};  // at QoS 0: what is sent again until it is answered
    // More is dropped and counted: devices send again what was not acknowledged, and states are levels.
    MqttInbox::Limits inbox{};
    MqttInbox::RuleOf rule_of{};  // called on Paho's thread
  };
  struct Handlers {                                              // all on the I/O thread
    std::function<void(std::vector<MqttMessage>)> on_messages;   // everything that waited, in order
    std::function<void(std::vector<MqttRefusals>)> on_refusals;  // who sent too much
    std::function<void()> on_connected;                          // after the subscriptions are in place
    std::function<void()> on_disconnected;
  };
  struct Counters {
    MqttInbox::Counters inbox{};
    std::size_t inbox_bytes = 0;
    std::uint64_t published = 0;
    std::uint64_t reconnects = 0;
  };

  MqttClient(boost::asio::any_io_executor io, Options options, Handlers handlers);
  ~MqttClient();
  void start();  // and stop(): a follower that becomes the leader starts, a leader that steps down stops
  void stop();
  bool connected() const;
  // QoS 1; resumes when the broker has it, or with Errc::unavailable when there is no connection or after 10 s.
  boost::asio::awaitable<Result<void>> publish(std::string topic, std::string payload, bool retain);
  // QoS 0, for what is asked for again when it is lost: nothing is heard of it, and without a connection it is not
  // sent.
  void send(const std::string& topic, const std::string& payload);
  Counters counters() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// `connection`: which one it is, for its label.
void add_metrics(Metrics& metrics, const std::string& connection, const MqttClient& mqtt);

}  // namespace argosy::server
