// What devices send, to the capability that takes it: by topic from the broker, and states by HTTPS. On the I/O thread.
// States are levels, so of those that wait only the newest of a device matters; bounded by the number of devices.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "server/base/repeated_error.hpp"
#include "server/devices/device_service.hpp"
#include "server/devices/presence_service.hpp"
#include "server/mqtt/mqtt_client.hpp"
#include "server/rollouts/rollout_service.hpp"
#include "server/telemetry/batch_collector.hpp"

namespace argosy::server {

class DeviceMessages {
 public:
  struct Parts {
    DeviceService& devices;
    RolloutService& rollouts;
    PresenceService& presence;
    BatchCollector& telemetry;
  };
  struct Counters {
    std::uint64_t refused = 0;  // malformed, or in another device's name
    std::uint64_t states = 0;
  };
  DeviceMessages(boost::asio::any_io_executor io, Parts parts) : io_(std::move(io)), parts_(parts) {}

  void take(std::vector<MqttMessage> messages);
  // A state that came by HTTPS: Errc::forbidden in another device's name, malformed_json.
  Task<Result<void>> take_state(std::string device, std::string document, Instant now);
  Counters counters() const { return counters_; }

 private:
  Result<void> take_one(const MqttMessage& message, Instant now);
  Task<void> work_off_states();
  Task<Result<void>> store(std::vector<ReceivedState> states, Instant now);

  boost::asio::any_io_executor io_;
  Parts parts_;
  std::map<std::string, ReceivedState> waiting_;  // the newest of each device
  bool working_ = false;
  RepeatedError state_errors_{"device states"};
  RepeatedError message_errors_{"device messages"};
  Counters counters_;
};

// POST /device/v1/state
void add_device_state_routes(Router& router, DeviceMessages& messages);

}  // namespace argosy::server
