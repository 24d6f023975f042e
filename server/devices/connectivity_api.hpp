// The HTTP endpoints of connectivity. The service must outlive the router.
#pragma once

#include "server/devices/connectivity_service.hpp"

namespace argosy::server {

class Router;

// GET /api/v1/devices/{id}/presence, GET /api/v1/connectivity
void add_connectivity_routes(Router& router, ConnectivityService& connectivity);

}  // namespace argosy::server
