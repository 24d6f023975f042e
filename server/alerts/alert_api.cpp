#include "server/alerts/alert_api.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"
#include "server/access/permission.hpp"
#include "server/http/paging.hpp"
#include "server/http/query.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"

namespace argosy::server {

namespace {

std::optional<std::string> text_query(const Request& request, std::string_view name) {
  const auto value = request.query_value(name);
  if (!value || value->empty()) return std::nullopt;
  return std::string(*value);
}

Task<Result<Response>> get_alerts(AlertService& alerts, Request& request) {
  const auto page = read_page(request);
  if (!page) co_return page.error();
  AlertQuery query{
      text_query(request, "state"), text_query(request, "device"), text_query(request, "rule"), {}, page->limit};
  if (query.state && *query.state != "open" && *query.state != "pending" && *query.state != "firing" &&
      *query.state != "resolved")
    co_return make_error(Errc::invalid_argument,
                         "state is \"" + *query.state + "\", but must be one of open, pending, firing, resolved");
  const auto before = id_after(*page, 0);
  if (!before) co_return before.error();
  if (*before > 0) query.before = *before;
  ARGOSY_CO_TRY(const auto found, co_await alerts.list(std::move(query)));
  auto items = nlohmann::json::array();
  for (const auto& alert : found.items) items.push_back(json_or_null(alert_to_json(alert)));
  CursorKey next;
  if (found.items.size() == page->limit) next.push_back(std::to_string(found.items.back().id));
  co_return page_response(request, items, next, found.total);
}

Task<Result<Response>> acknowledge(AlertService& alerts, Request& request) {
  const auto id = id_param(request);
  if (!id) co_return id.error();
  ARGOSY_CO_TRY(const auto alert, co_await alerts.acknowledge(*id, request.principal.actor(), request.now));
  co_return Response::json(alert_to_json(alert));
}

}  // namespace

void add_alert_routes(Router& router, AlertService& alerts) {
  router.add({Method::get, "/api/v1/alerts", Permission::read_fleet,
              [&alerts](Request& request) { return get_alerts(alerts, request); }});
  router.add({Method::post, "/api/v1/alerts/{id}/acknowledge", Permission::acknowledge_alerts,
              [&alerts](Request& request) { return acknowledge(alerts, request); }});
}

}  // namespace argosy::server
