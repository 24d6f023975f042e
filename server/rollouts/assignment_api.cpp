#include "server/rollouts/assignment_api.hpp"

#include <string>

#include <nlohmann/json.hpp>

#include "server/access/permission.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/rollouts/rollout_json.hpp"
#include "server/rollouts/rollout_service.hpp"

namespace argosy::server {
namespace {

Task<Result<Response>> list_assignments(RolloutService& rollouts, Request& request) {
  ARGOSY_CO_TRY(const auto list, co_await rollouts.assignments(std::string(request.param("id")), request.now));
  nlohmann::json items = nlohmann::json::array();
  for (const auto& one : list) items.push_back(assignment_to_json(one));
  co_return Response::json(nlohmann::json{{"items", items}}.dump());
}

}  // namespace

void add_assignment_routes(Router& router, RolloutService& rollouts) {
  router.add({.method = Method::get,
              .path = "/api/v1/devices/{id}/assignments",
              .permission = Permission::read_fleet,
              .handler = [&rollouts](Request& request) { return list_assignments(rollouts, request); }});
}

}  // namespace argosy::server
