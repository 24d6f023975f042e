// The HTTP endpoints of routes and deliveries. The service must outlive the router.
#pragma once

#include "server/notify/notify_service.hpp"

namespace argosy::server {

class Router;

// GET/POST /api/v1/routes, GET/PATCH/DELETE routes/{id}, POST routes/{id}/test and rotate;
// GET /api/v1/deliveries, deliveries/{id}, POST deliveries/{id}/redeliver
void add_notify_routes(Router& router, NotifyService& notify);

}  // namespace argosy::server
