// The HTTP endpoints of drafts. The service must outlive the router.
#pragma once

#include "server/models/model_service.hpp"

namespace argosy::server {

class Router;

// GET /api/v1/models/{model}/drafts, GET/PUT/DELETE .../drafts/{version}, POST .../drafts/{version}/publish
void add_draft_routes(Router& router, ModelService& models);

}  // namespace argosy::server
