// The HTTP endpoint of reactions. The service must outlive the router.
#pragma once

namespace argosy::server {

class ReactionService;
class Router;

// GET /api/v1/reactions
void add_reaction_routes(Router& router, ReactionService& reactions);

}  // namespace argosy::server
