// The HTTP endpoint of the quarantine. The service must outlive the router.
#pragma once

#include "server/quarantine/quarantine_service.hpp"

namespace argosy::server {

class Router;

// GET /api/v1/devices/{id}/quarantine
void add_quarantine_routes(Router& router, QuarantineService& quarantine);

}  // namespace argosy::server
