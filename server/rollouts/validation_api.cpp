#include "server/rollouts/validation_api.hpp"

#include <nlohmann/json.hpp>

#include "server/access/permission.hpp"
#include "server/http/query.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/rollouts/rollout_service.hpp"
#include "server/rollouts/validation_json.hpp"

namespace argosy::server {
namespace {

Task<Result<Response>> get_validation(RolloutService& rollouts, Request& request) {
  auto id = id_param(request);
  if (!id) co_return id.error();
  ARGOSY_CO_TRY(const auto numbers, co_await rollouts.validation(*id));
  co_return Response::json(validation_numbers_to_json(numbers).dump());
}

}  // namespace

void add_validation_routes(Router& router, RolloutService& rollouts) {
  router.add({.method = Method::get,
              .path = "/api/v1/rollouts/{id}/validation",
              .permission = Permission::read_fleet,
              .handler = [&rollouts](Request& request) { return get_validation(rollouts, request); }});
}

}  // namespace argosy::server
