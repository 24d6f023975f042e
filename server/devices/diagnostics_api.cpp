#include "server/devices/diagnostics_api.hpp"

#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"
#include "common/wire/diagnostics.hpp"
#include "server/access/permission.hpp"
#include "server/devices/diagnostics_service.hpp"
#include "server/http/query.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"

namespace argosy::server {

namespace {

DeviceId device_of(const Request& request) {
  return DeviceId(std::string(request.param("id")));
}

Task<Result<Response>> ask_device(DiagnosticsService& diagnostics, Request& request) {
  std::string reason;
  if (!request.body.empty()) {
    ARGOSY_CO_TRY(auto in, JsonReader::parse(request.body));
    in.optional_text("reason", most_diagnostics_reason_bytes, reason);
    ARGOSY_CO_CHECK(in.finish());
  }
  ARGOSY_CO_TRY(const auto asked, co_await diagnostics.ask(device_of(request), std::move(reason),
                                                           request.principal.actor(), request.now));
  auto response = Response::json(diagnostics_to_json(asked).dump());
  response.status = 202;
  co_return response;
}

Task<Result<Response>> list_diagnostics(DiagnosticsService& diagnostics, Request& request) {
  ARGOSY_CO_TRY(const auto list, co_await diagnostics.list(device_of(request)));
  auto items = nlohmann::json::array();
  for (const auto& one : list) items.push_back(diagnostics_to_json(one));
  co_return Response::json(nlohmann::json{{"items", std::move(items)}}.dump());
}

Task<Result<Response>> get_diagnostics(DiagnosticsService& diagnostics, Request& request) {
  ARGOSY_CO_TRY(const auto id, id_param(request, "diagnostics"));
  ARGOSY_CO_TRY(const auto found, co_await diagnostics.get(device_of(request), id));
  co_return Response::json(diagnostics_to_json(found).dump());
}

Task<Result<Response>> take_diagnostics(DiagnosticsService& diagnostics, Request& request) {
  ARGOSY_CO_CHECK(co_await diagnostics.take(DeviceId(request.principal.name), std::move(request.body), request.now));
  co_return Response::no_content();
}

}  // namespace

void add_diagnostics_routes(Router& router, DiagnosticsService& diagnostics) {
  const auto add = [&](Method method, const char* path, Permission permission,
                       Task<Result<Response>> (*handle)(DiagnosticsService&, Request&)) {
    router.add(
        {method, path, permission, [&diagnostics, handle](Request& request) { return handle(diagnostics, request); }});
  };
  add(Method::get, "/api/v1/devices/{id}/diagnostics", Permission::read_fleet, list_diagnostics);
  add(Method::post, "/api/v1/devices/{id}/diagnostics", Permission::manage_devices, ask_device);
  add(Method::get, "/api/v1/devices/{id}/diagnostics/{diagnostics}", Permission::read_fleet, get_diagnostics);
  router.add({.method = Method::post,
              .path = "/device/v1/diagnostics",
              .permission = Permission::act_as_device,
              .handler = [&diagnostics](Request& request) { return take_diagnostics(diagnostics, request); },
              .body_limit = wire::max_diagnostics_bytes});
}

}  // namespace argosy::server
