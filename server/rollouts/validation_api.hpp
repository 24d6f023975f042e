// GET /api/v1/rollouts/{id}/validation: what devices measured before the release served there. The service must outlive
// the router.
#pragma once

namespace argosy::server {

class RolloutService;
class Router;

void add_validation_routes(Router& router, RolloutService& rollouts);

}  // namespace argosy::server
