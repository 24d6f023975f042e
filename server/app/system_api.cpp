#include "server/app/system_api.hpp"

#include <nlohmann/json.hpp>

#include "common/base/embedded.hpp"
#include "server/access/permission.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"

namespace argosy {
std::span<const EmbeddedFile> embedded_api();
}

namespace argosy::server {
namespace {

using nlohmann::json;

Task<Result<Response>> livez(Request&) {
  co_return Response::json(R"({"status":"alive"})");
}

Task<Result<Response>> readyz(DbPool& db, std::function<SystemStatus()> status) {
  const auto pong = co_await db.ping();
  if (!pong) co_return make_error(Errc::unavailable, "the database does not answer: " + pong.error().message);
  const SystemStatus now = status();
  const json answer = {{"status", "ready"},
                       {"version", ARGOSY_VERSION},
                       {"leading", now.leading},
                       {"mqtt", now.mqtt_connected},
                       {"revocations_waiting", now.revocations.waiting}};
  co_return Response::json(answer.dump());
}

Task<Result<Response>> metrics_text(Metrics& metrics) {
  co_return Response::prometheus(metrics.text());
}

Task<Result<Response>> openapi(Request&) {
  Response response = Response::json(std::string(openapi_document()));
  response.headers.emplace_back("Cache-Control", "no-cache");
  co_return response;
}

void add_open(Router& router, std::string path, Handler handler) {
  router.add(
      {.method = Method::get, .path = std::move(path), .permission = Permission::open, .handler = std::move(handler)});
}

}  // namespace

std::string_view openapi_document() {
  return embedded_api().front().content;
}

void add_system_routes(Router& router, DbPool& db, std::function<SystemStatus()> status) {
  add_open(router, "/livez", livez);
  add_open(router, "/readyz", [&db, status](Request&) { return readyz(db, status); });
  add_open(router, "/api/v1/openapi.json", openapi);
}

void add_metrics_route(Router& router, Metrics& metrics) {
  add_open(router, "/metrics", [&metrics](Request&) { return metrics_text(metrics); });
}

}  // namespace argosy::server
