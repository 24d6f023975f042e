// The HTTP endpoints of rollouts, and a device's own desired document. The services must outlive the routers.
#pragma once

#include "server/http/router.hpp"

namespace argosy::server {

class DesiredService;
class RolloutService;

// GET/POST /api/v1/rollouts, GET /api/v1/rollouts/{id}, GET .../devices, GET .../decisions,
// POST .../{start|pause|resume|promote|halt|rollback|retry}
void add_rollout_routes(Router& router, RolloutService& rollouts);

// GET /device/v1/desired
void add_desired_routes(Router& router, DesiredService& desired);

}  // namespace argosy::server
