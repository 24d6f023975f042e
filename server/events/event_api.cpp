#include "server/events/event_api.hpp"

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

Result<std::optional<std::int64_t>> id_query(const Request& request, std::string_view name) {
  const auto value = request.query_value(name);
  if (!value || value->empty()) return std::optional<std::int64_t>{};
  ARGOSY_TRY(const auto id, parse_integer(*value, name));
  if (id < 0) return make_error(Errc::invalid_argument, "\"" + std::string(name) + "\" must be 0 or more");
  return std::optional<std::int64_t>{id};
}

Result<EventQuery> event_query(const Request& request, const Page& page) {
  EventQuery query;
  ARGOSY_TRY(query.after, id_query(request, "after"));
  ARGOSY_TRY(query.rollout, id_query(request, "rollout"));
  query.device = text_query(request, "device");
  query.kind = text_query(request, "kind");
  query.severity = text_query(request, "severity");
  query.limit = page.limit;
  ARGOSY_TRY(const auto cursor, id_after(page, 0));
  if (cursor > 0 && query.after) query.after = cursor;
  if (cursor > 0 && !query.after) query.before = cursor;
  return query;
}

Task<Result<Response>> get_events(EventService& events, Request& request, std::optional<std::string> device) {
  const auto page = read_page(request);
  if (!page) co_return page.error();
  auto query = event_query(request, *page);
  if (!query) co_return query.error();
  if (device) query->device = std::move(device);
  ARGOSY_CO_TRY(const auto found, co_await events.list(std::move(*query)));
  auto items = nlohmann::json::array();
  for (const auto& event : found.items) items.push_back(json_or_null(event_to_json(event)));
  CursorKey next;
  if (found.more) next.push_back(std::to_string(found.items.back().position.id));
  co_return page_response(request, items, next, found.total);
}

// A browser's EventSource sends the header when it reconnects; `last_event_id` does the same for the first connection.
Result<std::optional<std::int64_t>> last_event_id(const Request& request) {
  const auto header = request.header("last-event-id");
  if (!header || header->empty()) return id_query(request, "last_event_id");
  ARGOSY_TRY(const auto id, parse_integer(*header, "Last-Event-ID"));
  return std::optional<std::int64_t>{id};
}

Task<Result<Response>> get_stream(EventService& events, Request& request) {
  auto scope = parse_scope(request.query_value("scope").value_or(""));
  if (!scope) co_return scope.error();
  const auto last = last_event_id(request);
  if (!last) co_return last.error();
  auto body = co_await events.subscribe(std::move(*scope), *last);
  if (!body) co_return body.error();
  Response response;
  response.content_type = "text/event-stream";
  response.headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
  response.body = std::move(*body);
  co_return response;
}

}  // namespace

void add_event_routes(Router& router, EventService& events) {
  router.add({Method::get, "/api/v1/events", Permission::read_fleet,
              [&events](Request& request) { return get_events(events, request, std::nullopt); }});
  router.add({Method::get, "/api/v1/devices/{id}/events", Permission::read_fleet,
              [&events](Request& request) { return get_events(events, request, std::string(request.param("id"))); }});
  router.add({Method::get, "/api/v1/stream", Permission::read_fleet,
              [&events](Request& request) { return get_stream(events, request); }});
}

}  // namespace argosy::server
