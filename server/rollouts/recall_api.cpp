#include "server/rollouts/recall_api.hpp"

#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/access/permission.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/rollouts/recall_json.hpp"
#include "server/rollouts/rollout_service.hpp"

namespace argosy::server {
namespace {

Result<RecallCall> read_call(const Request& request) {
  ARGOSY_TRY(auto reason, parse_withdrawal_reason(request.body));
  return RecallCall{std::string(request.param("model")), std::string(request.param("version")), std::move(reason),
                    request.principal.actor()};
}

Task<Result<Response>> withdraw_release(RolloutService& rollouts, Request& request) {
  auto call = read_call(request);
  if (!call) co_return call.error();
  ARGOSY_CO_TRY(const auto withdrawn, co_await rollouts.withdraw(std::move(*call), request.now));
  co_return Response::json(withdrawn_to_json(withdrawn).dump());
}

Task<Result<Response>> recall_release(RolloutService& rollouts, Request& request) {
  auto call = read_call(request);
  if (!call) co_return call.error();
  ARGOSY_CO_TRY(const auto recalled, co_await rollouts.recall(std::move(*call), request.now));
  co_return Response::json(recalled_to_json(recalled).dump());
}

}  // namespace

void add_recall_routes(Router& router, RolloutService& rollouts) {
  const std::string release = "/api/v1/models/{model}/releases/{version}";
  router.add({.method = Method::post,
              .path = release + "/withdraw",
              .permission = Permission::publish_releases,
              .handler = [&rollouts](Request& request) { return withdraw_release(rollouts, request); }});
  router.add({.method = Method::post,
              .path = release + "/recall",
              .permission = Permission::operate_rollouts,
              .handler = [&rollouts](Request& request) { return recall_release(rollouts, request); }});
}

}  // namespace argosy::server
