#include "server/rollouts/evidence/evidence_api.hpp"

#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/signing/trusted_keys.hpp"
#include "server/access/permission.hpp"
#include "server/http/query.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/rollouts/evidence/evidence_service.hpp"

namespace argosy::server {
namespace {

Task<Result<Response>> get_evidence(EvidenceService& evidence, Request& request) {
  auto id = id_param(request);
  if (!id) co_return id.error();
  ARGOSY_CO_TRY(auto file, co_await evidence.make(*id, request.principal.actor(), request.now));
  auto response = Response::json(std::move(file));
  response.headers.emplace_back("Content-Disposition",
                                "attachment; filename=\"rollout-" + std::to_string(*id) + "-evidence.json\"");
  co_return response;
}

Task<Result<Response>> get_evidence_key(EvidenceService& evidence) {
  ARGOSY_CO_TRY(const auto pem, co_await evidence.public_key());
  const nlohmann::json key{{"sha256", signing::hint_of(pem)}, {"pem", pem}};
  co_return Response::json(key.dump());
}

}  // namespace

void add_evidence_routes(Router& router, EvidenceService& evidence) {
  router.add({.method = Method::get,
              .path = "/api/v1/rollouts/{id}/evidence",
              .permission = Permission::read_fleet,
              .handler = [&evidence](Request& request) { return get_evidence(evidence, request); }});
  router.add({.method = Method::get,
              .path = "/api/v1/evidence-key",
              .permission = Permission::read_fleet,
              .handler = [&evidence](Request&) { return get_evidence_key(evidence); }});
}

}  // namespace argosy::server
