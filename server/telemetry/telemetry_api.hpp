// The HTTP endpoints of telemetry. The services must outlive the router.
#pragma once

#include "server/telemetry/telemetry_intake.hpp"

namespace argosy::server {

class Router;

// POST /device/v1/telemetry; Errc::rate_limited while 64 others are being stored
void add_device_telemetry_routes(Router& device_router, TelemetryService& telemetry, TelemetryIntake& intake);
// GET /api/v1/devices/{id}/series, GET /api/v1/devices/{id}/telemetry-integrity
void add_telemetry_routes(Router& router, TelemetryService& telemetry);

}  // namespace argosy::server
