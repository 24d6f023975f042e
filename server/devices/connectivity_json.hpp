// Connectivity as the API tells it. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "server/devices/connectivity_report.hpp"

namespace argosy::server {

nlohmann::json timeline_to_json(const std::string& device, const DeviceTimeline& timeline);
nlohmann::json connectivity_to_json(const Connectivity& connectivity);

}  // namespace argosy::server
