// The HTTP endpoint of drift. The service must outlive the router.
#pragma once

#include "server/drift/drift_service.hpp"
#include "server/http/router.hpp"

namespace argosy::server {

// GET /api/v1/devices/{id}/drift
void add_drift_routes(Router& router, DriftService& drift);

}  // namespace argosy::server
