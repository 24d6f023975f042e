// What devices send, handed to those who take it. On the I/O thread.
#pragma once

#include "server/app/device_messages.hpp"
#include "server/app/parts/broker_parts.hpp"
#include "server/app/parts/capability.hpp"
#include "server/app/parts/device_parts.hpp"
#include "server/app/parts/platform.hpp"
#include "server/app/parts/rollout_parts.hpp"
#include "server/app/parts/telemetry_parts.hpp"
#include "server/app/parts/upkeep_parts.hpp"
#include "server/app/state_intake.hpp"

namespace argosy::server {

class IntakeParts : public Capability {
 public:
  IntakeParts(Platform& platform, UpkeepParts& upkeep, BrokerParts& broker, DeviceParts& devices,
              RolloutParts& rollouts, TelemetryParts& telemetry);

  StateIntake states;
  DeviceMessages messages;

  void request_stop() { states.stop(); }

  void add_routes(Router& router) override;
  void add_figures(Metrics& metrics) override;
};

}  // namespace argosy::server
