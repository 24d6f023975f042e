// What machines ask a server: whether it lives, whether it is ready, its metrics, and the description of the API.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/devices/revocation.hpp"

namespace argosy::server {

class Router;

struct SystemStatus {
  bool leading = false;
  bool mqtt_connected = false;
  RevocationStatus revocations;
};

// GET /livez, /readyz, /api/v1/openapi.json
void add_system_routes(Router& router, DbPool& db, std::function<SystemStatus()> status);
// GET /metrics
void add_metrics_route(Router& router, Metrics& metrics);

// The OpenAPI document that is compiled in.
std::string_view openapi_document();

}  // namespace argosy::server
