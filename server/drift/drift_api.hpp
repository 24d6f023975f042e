// The HTTP endpoint of drift. The service must outlive the router.
#pragma once

#include "server/drift/drift_service.hpp"

namespace argosy::server {

class Router;

// GET /api/v1/devices/{id}/drift, /api/v1/drift
void add_drift_routes(Router& router, DriftService& drift);

}  // namespace argosy::server
