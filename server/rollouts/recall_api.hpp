// The HTTP endpoints that take a release back. The service must outlive the routers.
#pragma once

namespace argosy::server {

class Router;
class RolloutService;

// POST /api/v1/models/{model}/releases/{version}/{withdraw|recall}
void add_recall_routes(Router& router, RolloutService& rollouts);

}  // namespace argosy::server
