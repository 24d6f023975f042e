// The HTTP endpoints of alerts. The service must outlive the router.
#pragma once

#include "server/alerts/alert_service.hpp"

namespace argosy::server {

class Router;

// GET /api/v1/alerts, POST /api/v1/alerts/{id}/acknowledge
void add_alert_routes(Router& router, AlertService& alerts);

}  // namespace argosy::server
