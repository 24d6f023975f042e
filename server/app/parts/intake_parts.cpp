#include "server/app/parts/intake_parts.hpp"

#include <utility>

namespace argosy::server {

IntakeParts::IntakeParts(Platform& platform, UpkeepParts& upkeep, BrokerParts& broker, DeviceParts& devices,
                         RolloutParts& rollouts, TelemetryParts& telemetry)
    : states(platform.io, {devices.devices, rollouts.rollouts, upkeep.quarantine}),
      messages({states, devices.presence, telemetry.collector, upkeep.quarantine}) {
  broker.on_messages([this](std::vector<MqttMessage> batch) { messages.take(std::move(batch)); });
  broker.on_refusals([this](const std::vector<MqttRefusals>& refusals) { messages.take_refusals(refusals); });
}

void IntakeParts::add_routes(Router& router) {
  add_device_state_routes(router, states);
}

void IntakeParts::add_figures(Metrics& metrics) {
  add_metrics(metrics, states);
}

}  // namespace argosy::server
