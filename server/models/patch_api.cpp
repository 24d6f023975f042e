#include "server/models/patch_api.hpp"

#include <nlohmann/json.hpp>

#include "server/access/permission.hpp"
#include "server/http/paging.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/models/patch_json.hpp"

namespace argosy::server {

namespace {

Response matrix_response(const Request& request, const std::vector<PatchMatrixRow>& rows) {
  nlohmann::json items = nlohmann::json::array();
  for (const PatchMatrixRow& row : rows) items.push_back(patch_to_json(row));
  return page_response(request, items, {}, static_cast<std::int64_t>(rows.size()));
}

Task<Result<Response>> show_patches(PatchService& patches, Request& request) {
  ARGOSY_CO_TRY(const auto matrix, co_await patches.matrix(std::string(request.param("model"))));
  co_return matrix_response(request, matrix);
}

Task<Result<Response>> ask_for_patches(PatchService& patches, Request& request) {
  auto wanted = parse_patch_request(request.body);
  if (!wanted) co_return wanted.error();
  wanted->model = std::string(request.param("model"));
  ARGOSY_CO_TRY(const auto rows, co_await patches.ask(std::move(*wanted), request.principal.actor()));
  co_return matrix_response(request, rows);
}

Task<Result<Response>> cancel_patches(PatchService& patches, Request& request) {
  PatchCancellation which;
  which.model = std::string(request.param("model"));
  which.pair.from_version = std::string(request.param("from"));
  which.pair.to_version = std::string(request.param("to"));
  which.pair.variant = std::string(request.query_value("variant").value_or(""));
  ARGOSY_CO_TRY(const auto rows, co_await patches.cancel(std::move(which), request.principal.actor()));
  co_return matrix_response(request, rows);
}

}  // namespace

void add_patch_routes(Router& router, PatchService& patches) {
  const auto add = [&](Method method, const std::string& path, Permission permission,
                       Task<Result<Response>> (*answer)(PatchService&, Request&)) {
    Route route;
    route.method = method;
    route.path = "/api/v1/models/{model}/patches" + path;
    route.permission = permission;
    route.handler = [&patches, answer](Request& request) { return answer(patches, request); };
    router.add(std::move(route));
  };
  add(Method::get, "", Permission::read_fleet, show_patches);
  add(Method::post, "", Permission::prepare_patches, ask_for_patches);
  add(Method::del, "/{from}/{to}", Permission::prepare_patches, cancel_patches);
}

}  // namespace argosy::server
