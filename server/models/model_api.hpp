// The HTTP endpoints of models, releases and blobs. The services must outlive the router.
#pragma once

#include "server/models/blob_service.hpp"
#include "server/models/download_permits.hpp"
#include "server/models/model_service.hpp"

namespace argosy::server {

class Router;

// GET/POST /api/v1/models, GET /api/v1/models/{model}, GET/POST .../releases, GET .../releases/{version}
void add_model_routes(Router& router, ModelService& models);

// PUT/HEAD/GET /api/v1/blobs/{digest}
void add_blob_routes(Router& router, BlobService& blobs);
// GET /device/v1/blobs/{digest}
void add_device_blob_routes(Router& router, BlobService& blobs, DownloadPermits& permits);

}  // namespace argosy::server
