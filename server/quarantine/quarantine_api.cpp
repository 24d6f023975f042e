#include "server/quarantine/quarantine_api.hpp"

#include <nlohmann/json.hpp>

#include "server/access/permission.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"

namespace argosy::server {

namespace {

nlohmann::json time_or_null(std::optional<Instant> at) {
  return at && *at != Instant{} ? nlohmann::json(to_rfc3339(*at)) : nlohmann::json();
}

nlohmann::json to_json(const QuarantineRow& row) {
  return {{"kind", to_string(row.kind)},
          {"reason", row.reason},
          {"count", row.count},
          {"first_at", to_rfc3339(row.first_at)},
          {"last_at", to_rfc3339(row.last_at)},
          {"ended_at", time_or_null(row.ended_at)},
          {"retry_at", row.ended_at ? nlohmann::json() : time_or_null(row.retry_at)}};
}

Task<Result<Response>> get_quarantine(QuarantineService& quarantine, Request& request) {
  ARGOSY_CO_TRY(const auto rows, co_await quarantine.of_device(std::string(request.param("id"))));
  auto items = nlohmann::json::array();
  for (const QuarantineRow& row : rows) items.push_back(to_json(row));
  co_return Response::json(nlohmann::json{{"items", std::move(items)}}.dump());
}

}  // namespace

void add_quarantine_routes(Router& router, QuarantineService& quarantine) {
  router.add({Method::get, "/api/v1/devices/{id}/quarantine", Permission::read_fleet,
              [&quarantine](Request& request) { return get_quarantine(quarantine, request); }});
}

}  // namespace argosy::server
