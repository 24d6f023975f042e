// The HTTP endpoints of telemetry queries. The service must outlive the router.
#pragma once

namespace argosy::server {

class QueryService;
class Router;

// GET /api/v1/telemetry/series, worst, facets and export
void add_query_routes(Router& router, QueryService& queries);

}  // namespace argosy::server
