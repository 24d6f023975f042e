#include "server/models/model_api.hpp"

#include <limits>

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

template <class T>
nlohmann::json array_of(const std::vector<T>& items, nlohmann::json (*to_json)(const T&)) {
  nlohmann::json array = nlohmann::json::array();
  for (const T& item : items) array.push_back(to_json(item));
  return array;
}

Task<Result<Response>> list_models(ModelService& models, Request& request) {
  auto query = read_page(request);
  if (!query) co_return query.error();
  const std::string after = query->after.empty() ? "" : query->after.front();
  ARGOSY_CO_TRY(const auto page, co_await models.list_models(after, query->limit));
  CursorKey next;
  if (page.more) next.push_back(page.items.back().name);
  co_return page_response(request, array_of(page.items, model_to_json), next, page.total);
}

Task<Result<Response>> create_model(ModelService& models, Request& request) {
  auto draft = parse_model(request.body);
  if (!draft) co_return draft.error();
  const std::string name = draft->name;
  ARGOSY_CO_TRY(const auto created, co_await models.create_model(std::move(draft->name), std::move(draft->description),
                                                                 request.principal.actor()));
  const auto model = co_await models.get_model(name);
  if (!model) co_return model.error();
  Response response = Response::json(model_to_json(*model).dump(), created ? 201 : 200);
  response.headers.emplace_back("Location", "/api/v1/models/" + name);
  co_return response;
}

Task<Result<Response>> get_model(ModelService& models, Request& request) {
  ARGOSY_CO_TRY(const auto model, co_await models.get_model(std::string(request.param("model"))));
  co_return Response::json(model_to_json(model).dump());
}

Task<Result<Response>> publish_release(ModelService& models, Request& request) {
  auto draft = parse_release(request.body);
  if (!draft) co_return draft.error();
  const std::string model(request.param("model"));
  ARGOSY_CO_TRY(const auto published,
                co_await models.publish(model, std::move(*draft), request.principal.actor(), request.now));
  Response response = Response::json(release_to_json(published.release).dump(), published.created ? 201 : 200);
  response.headers.emplace_back("Location",
                                "/api/v1/models/" + model + "/releases/" + published.release.content.version);
  co_return response;
}

Task<Result<Response>> put_signature(ModelService& models, Request& request) {
  auto signature = parse_signature(request.body);
  if (!signature) co_return signature.error();
  ARGOSY_CO_TRY(const auto release, co_await models.replace_signature(
                                        std::string(request.param("model")), std::string(request.param("version")),
                                        std::move(*signature), request.principal.actor()));
  co_return Response::json(release_to_json(release).dump());
}

Task<Result<Response>> list_releases(ModelService& models, Request& request) {
  auto query = read_page(request);
  if (!query) co_return query.error();
  const auto before = id_after(*query, std::numeric_limits<std::int64_t>::max());
  if (!before) co_return before.error();
  ARGOSY_CO_TRY(const auto page,
                co_await models.list_releases(std::string(request.param("model")), *before, query->limit));
  CursorKey next;
  if (page.more) next.push_back(std::to_string(page.items.back().id));
  co_return page_response(request, array_of(page.items, release_to_json), next, page.total);
}

Task<Result<Response>> get_release(ModelService& models, Request& request) {
  ARGOSY_CO_TRY(const auto release, co_await models.get_release(std::string(request.param("model")),
                                                                std::string(request.param("version"))));
  co_return Response::json(release_to_json(release).dump());
}

Result<Digest> digest_param(const Request& request) {
  const std::string text(request.param("digest"));
  const auto digest = Digest::parse(text);
  if (!digest || digest->to_hex() != text)
    return field_error("digest", "must be a SHA-256 as 64 lower-case hex digits");
  return *digest;
}

Task<Result<Response>> put_blob(BlobService& blobs, Request& request) {
  const auto digest = digest_param(request);
  if (!digest) co_return digest.error();
  ARGOSY_CO_TRY(const auto created, co_await blobs.put(*digest, *request.stream));
  const nlohmann::json body = {{"digest", digest->to_hex()}};
  co_return Response::json(body.dump(), created ? 201 : 200);
}

Task<Result<Response>> get_blob(BlobService& blobs, Request& request) {
  const auto digest = digest_param(request);
  if (!digest) co_return digest.error();
  ARGOSY_CO_TRY(const auto blob, co_await blobs.find(*digest));
  Response response;
  response.content_type = "application/octet-stream";
  response.headers.emplace_back("Cache-Control", "private, max-age=31536000, immutable");
  response.body = FileBody{blob.path, digest->to_hex()};
  co_return response;
}

Task<Result<Response>> get_device_blob(BlobService& blobs, DownloadPermits& permits, Request& request) {
  const auto digest = digest_param(request);
  if (!digest) co_return digest.error();
  auto lease = co_await permits.admit(DeviceId(request.principal.name), digest->to_hex(), request.now);
  if (!lease) co_return lease.error();
  auto response = co_await get_blob(blobs, request);
  if (response) std::get<FileBody>(response->body).lease = std::move(*lease);
  co_return response;
}

template <class Service>
Handler bound(Service& service, Task<Result<Response>> (*answer)(Service&, Request&)) {
  return [&service, answer](Request& request) { return answer(service, request); };
}

Route route(Method method, std::string path, Permission permission, Handler handler) {
  Route result;
  result.method = method;
  result.path = std::move(path);
  result.permission = permission;
  result.handler = std::move(handler);
  return result;
}

}  // namespace

void add_model_routes(Router& router, ModelService& models) {
  const std::string all = "/api/v1/models";
  const std::string one = all + "/{model}";
  router.add(route(Method::get, all, Permission::read_fleet, bound(models, list_models)));
  router.add(route(Method::post, all, Permission::publish_releases, bound(models, create_model)));
  router.add(route(Method::get, one, Permission::read_fleet, bound(models, get_model)));
  Route publish = route(Method::post, one + "/releases", Permission::publish_releases, bound(models, publish_release));
  publish.body_limit = max_release_bytes;
  router.add(std::move(publish));
  router.add(route(Method::get, one + "/releases", Permission::read_fleet, bound(models, list_releases)));
  router.add(route(Method::get, one + "/releases/{version}", Permission::read_fleet, bound(models, get_release)));
  Route sign = route(Method::put, one + "/releases/{version}/signature", Permission::publish_releases,
                     bound(models, put_signature));
  sign.body_limit = 2 * (wire::max_statement_bytes + wire::max_bundle_bytes);
  router.add(std::move(sign));
}

void add_blob_routes(Router& router, BlobService& blobs) {
  Route put = route(Method::put, "/api/v1/blobs/{digest}", Permission::publish_releases, bound(blobs, put_blob));
  put.streaming = true;
  router.add(std::move(put));
  router.add(route(Method::get, "/api/v1/blobs/{digest}", Permission::read_fleet, bound(blobs, get_blob)));
}

void add_device_blob_routes(Router& router, BlobService& blobs, DownloadPermits& permits) {
  router.add(route(Method::get, "/device/v1/blobs/{digest}", Permission::act_as_device,
                   [&](Request& request) { return get_device_blob(blobs, permits, request); }));
}

}  // namespace argosy::server
