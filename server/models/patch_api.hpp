// The HTTP endpoints of patches. The service must outlive the router.
#pragma once

#include "server/http/router.hpp"
#include "server/models/patch_service.hpp"

namespace argosy::server {

// GET/POST /api/v1/models/{model}/patches, DELETE .../patches/{from}/{to}?variant=
void add_patch_routes(Router& router, PatchService& patches);

}  // namespace argosy::server
