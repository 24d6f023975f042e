// The HTTP endpoints of patches. The service must outlive the router.
#pragma once

#include "server/models/patch_service.hpp"

namespace argosy::server {

class Router;

// GET/POST /api/v1/models/{model}/patches, DELETE .../patches/{from}/{to}?variant=
void add_patch_routes(Router& router, PatchService& patches);

}  // namespace argosy::server
