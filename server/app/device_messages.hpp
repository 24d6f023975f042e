// What devices send, to the capability that takes it: by topic from the broker, and states by HTTPS. Knows each kind's
// size and asks the quarantine before anything is read. On the I/O thread.
#pragma once

#include <string>
#include <vector>

#include "server/app/state_intake.hpp"
#include "server/base/repeated_error.hpp"
#include "server/devices/presence_service.hpp"
#include "server/mqtt/mqtt_inbox.hpp"
#include "server/quarantine/quarantine_service.hpp"
#include "server/telemetry/batch_collector.hpp"

namespace argosy::server {

class Router;

class DeviceMessages {
 public:
  struct Parts {  // all outlive this
    StateIntake& states;
    PresenceService& presence;
    BatchCollector& telemetry;
    QuarantineService& quarantine;
  };
  struct Counters {
    std::uint64_t refused = 0;  // on topics of no device, wills that cannot be read, telemetry without room
  };
  explicit DeviceMessages(Parts parts) : parts_(parts) {}

  void take(std::vector<MqttMessage> messages);
  // Devices that sent more, or larger, than they may.
  void take_refusals(const std::vector<MqttRefusals>& refusals);
  // Whose message a topic carries, and how large it may be: for the inbox, on any thread.
  static std::optional<MqttTopicRule> rule_of(std::string_view topic);
  const Counters& counters() const { return counters_; }

 private:
  Result<void> take_one(MqttMessage& message, Instant now);
  Result<void> take_will(std::string_view device, std::string_view document, Instant now);

  Parts parts_;
  RepeatedError errors_{"device messages"};
  Counters counters_;
};

// POST /device/v1/state
void add_device_state_routes(Router& router, StateIntake& states);

}  // namespace argosy::server
