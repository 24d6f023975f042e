#include "server/models/draft_api.hpp"

#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"
#include "server/access/permission.hpp"
#include "server/http/paging.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/models/model_json.hpp"

namespace argosy::server {

namespace {

std::string model_in(const Request& request) {
  return std::string(request.param("model"));
}
std::string version_in(const Request& request) {
  return std::string(request.param("version"));
}

Task<Result<Response>> list_drafts(ModelService& models, Request& request) {
  ARGOSY_CO_TRY(const auto drafts, co_await models.list_drafts(model_in(request)));
  nlohmann::json items = nlohmann::json::array();
  for (const KeptDraft& draft : drafts) items.push_back(draft_to_json(draft));
  co_return page_response(request, items, {}, static_cast<std::int64_t>(drafts.size()));
}

Task<Result<Response>> get_draft(ModelService& models, Request& request) {
  ARGOSY_CO_TRY(const auto draft, co_await models.get_draft(model_in(request), version_in(request)));
  co_return Response::json(draft_to_json(draft).dump());
}

Task<Result<Response>> put_draft(ModelService& models, Request& request) {
  auto content = parse_release(request.body);
  if (!content) co_return content.error();
  if (content->version != version_in(request))
    co_return field_error("version", "is not the version that the path names");
  ARGOSY_CO_TRY(const auto kept,
                co_await models.keep_draft(model_in(request), std::move(*content), std::string(request.body),
                                           request.principal.actor(), request.now));
  co_return Response::json(draft_to_json(kept.draft).dump(), kept.created ? 201 : 200);
}

Task<Result<Response>> discard_draft(ModelService& models, Request& request) {
  ARGOSY_CO_CHECK(co_await models.discard_draft(model_in(request), version_in(request), request.principal.actor()));
  co_return Response::no_content();
}

Task<Result<Response>> publish_draft(ModelService& models, Request& request) {
  ARGOSY_CO_TRY(const auto published, co_await models.publish_draft(model_in(request), version_in(request),
                                                                    request.principal.actor(), request.now));
  Response response = Response::json(release_to_json(published.release).dump(), 201);
  response.headers.emplace_back("Location", "/api/v1/models/" + model_in(request) + "/releases/" + version_in(request));
  co_return response;
}

}  // namespace

void add_draft_routes(Router& router, ModelService& models) {
  const auto add = [&](Method method, const std::string& path, Permission permission,
                       Task<Result<Response>> (*answer)(ModelService&, Request&)) {
    Route route;
    route.method = method;
    route.path = "/api/v1/models/{model}/drafts" + path;
    route.permission = permission;
    route.body_limit = max_release_bytes;
    route.handler = [&models, answer](Request& request) { return answer(models, request); };
    router.add(std::move(route));
  };
  add(Method::get, "", Permission::read_fleet, list_drafts);
  add(Method::get, "/{version}", Permission::read_fleet, get_draft);
  add(Method::put, "/{version}", Permission::publish_releases, put_draft);
  add(Method::del, "/{version}", Permission::publish_releases, discard_draft);
  add(Method::post, "/{version}/publish", Permission::publish_releases, publish_draft);
}

}  // namespace argosy::server
