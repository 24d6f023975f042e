// The HTTP endpoints of rules. The service must outlive the router.
#pragma once

namespace argosy::server {

class Router;
class RuleService;

// GET, POST /api/v1/rules, POST preview; GET, PATCH, DELETE /api/v1/rules/{name}, GET versions and POST reset
void add_rule_routes(Router& router, RuleService& rules);

}  // namespace argosy::server
