// The HTTP endpoints of telemetry. The service must outlive the router.
#pragma once

#include "server/http/router.hpp"
#include "server/telemetry/telemetry_service.hpp"

namespace argosy::server {

// POST /device/v1/telemetry; Errc::rate_limited while 64 others are being stored
void add_device_telemetry_routes(Router& device_router, TelemetryService& telemetry);
// GET /api/v1/devices/{id}/series, GET /api/v1/devices/{id}/telemetry-integrity
void add_telemetry_routes(Router& router, TelemetryService& telemetry);

}  // namespace argosy::server
