// The HTTP endpoints of diagnostics. The service must outlive the router.
#pragma once

namespace argosy::server {

class DiagnosticsService;
class Router;

// GET, POST /api/v1/devices/{id}/diagnostics, GET .../{diagnostics}; POST /device/v1/diagnostics
void add_diagnostics_routes(Router& router, DiagnosticsService& diagnostics);

}  // namespace argosy::server
