// The HTTP endpoints of evidence. The service must outlive the router.
#pragma once

namespace argosy::server {

class EvidenceService;
class Router;

// GET /api/v1/rollouts/{id}/evidence, GET /api/v1/evidence-key
void add_evidence_routes(Router& router, EvidenceService& evidence);

}  // namespace argosy::server
