#include "server/models/patch_api.hpp"

#include <nlohmann/json.hpp>

#include "server/http/paging.hpp"
#include "server/models/patch_json.hpp"

namespace argosy::server {

namespace {

Response matrix_response(const Request& request, const std::vector<PatchMatrixRow>& rows) {
  nlohmann::json items = nlohmann::json::array();
  for (const PatchMatrixRow& row : rows) items.push_back(patch_to_json(row));
  return page_response(request, items, {}, static_cast<std::int64_t>(rows.size()));
}

Task<Result<Response>> show_patches(PatchService& patches, Request& request) {
  auto asked = patches.matrix(std::string(request.param("model")));
  const auto matrix = co_await std::move(asked);
  if (!matrix) co_return matrix.error();
  co_return matrix_response(request, *matrix);
}

Task<Result<Response>> ask_for_patches(PatchService& patches, Request& request) {
  auto wanted = parse_patch_request(request.body);
  if (!wanted) co_return wanted.error();
  wanted->model = std::string(request.param("model"));
  auto asking = patches.ask(std::move(*wanted), request.principal.actor());
  const auto rows = co_await std::move(asking);
  if (!rows) co_return rows.error();
  co_return matrix_response(request, *rows);
}

Task<Result<Response>> cancel_patches(PatchService& patches, Request& request) {
  PatchCancellation which;
  which.model = std::string(request.param("model"));
  which.pair.from_version = std::string(request.param("from"));
  which.pair.to_version = std::string(request.param("to"));
  which.pair.variant = std::string(request.query_value("variant").value_or(""));
  auto cancelling = patches.cancel(std::move(which), request.principal.actor());
  const auto rows = co_await std::move(cancelling);
  if (!rows) co_return rows.error();
  co_return matrix_response(request, *rows);
}

}  // namespace

void add_patch_routes(Router& router, PatchService& patches) {
  const auto add = [&](Method method, const std::string& path, Access access,
                       Task<Result<Response>> (*answer)(PatchService&, Request&)) {
    Route route;
    route.method = method;
    route.path = "/api/v1/models/{model}/patches" + path;
    route.access = access;
    route.handler = [&patches, answer](Request& request) { return answer(patches, request); };
    router.add(std::move(route));
  };
  add(Method::get, "", Access::viewer, show_patches);
  add(Method::post, "", Access::publisher_or_operator, ask_for_patches);
  add(Method::del, "/{from}/{to}", Access::publisher_or_operator, cancel_patches);
}

}  // namespace argosy::server
