// GET /api/v1/devices/{id}/assignments: why a device runs what it runs. The service must outlive the
// router.
#pragma once

namespace argosy::server {

class RolloutService;
class Router;

void add_assignment_routes(Router& router, RolloutService& rollouts);

}  // namespace argosy::server
