// The connections to the broker: what comes from devices by way of it, and what is said to them. On the I/O thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "server/app/parts/capability.hpp"
#include "server/app/parts/platform.hpp"
#include "server/mqtt/mqtt_client.hpp"

namespace argosy::server {

// A broker that never lets us in would say less of why.
Result<void> check_share(const Config& config);

// "ack" and "ask": what is said to a device.
std::string down_topic(const std::string& device, const std::string& kind);

class BrokerParts : public Capability {
 public:
  explicit BrokerParts(Platform& platform);

  std::unique_ptr<MqttClient> lead;   // the leader's, which starts and stops it; null: without a broker
  std::unique_ptr<MqttClient> share;  // of the telemetry, on every instance; null: the leader takes all of it

  bool connected() const { return lead && lead->connected(); }
  // Lost without a connection.
  void send(const std::string& device, const std::string& kind, const std::string& document);
  // What telemetry comes through, and so is answered through.
  MqttClient* of_telemetry() const { return share ? share.get() : lead.get(); }

  void on_messages(std::function<void(std::vector<MqttMessage>)> hear) { messages_ = std::move(hear); }
  void on_refusals(std::function<void(std::vector<MqttRefusals>)> hear) { refusals_ = std::move(hear); }
  // The leader's connection is there (again).
  void on_connected(std::function<void()> hear) { connected_.push_back(std::move(hear)); }

  void start();
  void request_stop();

  void add_figures(Metrics& metrics) override;

 private:
  std::function<void(std::vector<MqttMessage>)> messages_;
  std::function<void(std::vector<MqttRefusals>)> refusals_;
  std::vector<std::function<void()>> connected_;
};

}  // namespace argosy::server
