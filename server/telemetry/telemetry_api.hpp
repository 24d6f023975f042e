// The HTTP endpoints of telemetry. The services must outlive the router.
#pragma once

namespace argosy::server {

class BatchCollector;
class Router;
class TelemetryService;

// POST /device/v1/telemetry; Errc::rate_limited while 64 others are being stored
void add_device_telemetry_routes(Router& device_router, BatchCollector& collector);
// GET /api/v1/devices/{id}/series, GET /api/v1/devices/{id}/telemetry-integrity
void add_telemetry_routes(Router& router, TelemetryService& telemetry);

}  // namespace argosy::server
