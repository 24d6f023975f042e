#include "server/notify/notify_api.hpp"

#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"
#include "server/access/permission.hpp"
#include "server/http/paging.hpp"
#include "server/http/query.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr std::int64_t usual_overlap_hours = 24;
constexpr std::int64_t most_overlap_hours = 168;
constexpr std::int64_t largest_id = std::numeric_limits<std::int64_t>::max();

Response shown(const NoticeRoute& route, int status = 200) {
  Response response = Response::json(route_to_json(route).dump(), status);
  response.headers.emplace_back("ETag", "\"" + std::to_string(route.version) + "\"");
  return response;
}

Response shown_once(const MadeRoute& made, int status) {
  json document = route_to_json(made.route);
  if (!made.secret.empty()) document["secret"] = made.secret;
  return Response::json(document.dump(), status);
}

// The version in If-Match; none: whatever it is.
Result<std::optional<std::int64_t>> asked_version(const Request& request) {
  const auto header = request.header("if-match");
  if (!header || *header == "*") return std::optional<std::int64_t>();
  std::string_view text = *header;
  if (text.size() >= 2 && text.starts_with('"') && text.ends_with('"')) text = text.substr(1, text.size() - 2);
  const auto version = parse_integer(text, "If-Match");
  if (!version) return make_error(Errc::invalid_argument, "If-Match is not a route's ETag");
  return std::optional(*version);
}

json in_full(const DeliveryInFull& whole) {
  json document = delivery_to_json(whole.delivery);
  document["events"] = json::array();
  for (const ToldEvent& told : whole.events) document["events"].push_back(told.to_json());
  document["log"] = json::array();
  for (const DeliveryAttempt& attempt : whole.attempts) document["log"].push_back(attempt_to_json(attempt));
  return document;
}

class NotifyApi {
 public:
  explicit NotifyApi(NotifyService& notify) : notify_(notify) {}

  Task<Result<Response>> list_routes(Request& request) const {
    ARGOSY_CO_TRY(const auto routes, co_await notify_.routes());
    json items = json::array();
    for (const NoticeRoute& route : routes) items.push_back(route_to_json(route));
    co_return page_response(request, items, {}, static_cast<std::int64_t>(routes.size()));
  }

  Task<Result<Response>> get_route(Request& request) const {
    ARGOSY_CO_TRY(const std::int64_t id, id_param(request));
    ARGOSY_CO_TRY(const NoticeRoute route, co_await notify_.route(id));
    co_return shown(route);
  }

  Task<Result<Response>> create(Request& request) const {
    ARGOSY_CO_TRY(const MadeRoute made, co_await notify_.create(request.body, request.principal.actor(), request.now));
    co_return shown_once(made, 201);
  }

  Task<Result<Response>> update(Request& request) const {
    ARGOSY_CO_TRY(const std::int64_t id, id_param(request));
    ARGOSY_CO_TRY(const auto version, asked_version(request));
    ARGOSY_CO_TRY(const NoticeRoute route,
                  co_await notify_.update(id, version, request.body, request.principal.actor(), request.now));
    co_return shown(route);
  }

  Task<Result<Response>> remove(Request& request) const {
    ARGOSY_CO_TRY(const std::int64_t id, id_param(request));
    ARGOSY_CO_CHECK(co_await notify_.remove(id, request.principal.actor()));
    co_return Response::no_content();
  }

  Task<Result<Response>> rotate(Request& request) const {
    ARGOSY_CO_TRY(const std::int64_t id, id_param(request));
    std::int64_t hours = usual_overlap_hours;
    if (!request.body.empty()) {
      ARGOSY_CO_TRY(auto body, JsonReader::parse(request.body));
      body.optional("overlap_hours", hours, 0, most_overlap_hours);
      ARGOSY_CO_CHECK(body.finish());
    }
    ARGOSY_CO_TRY(const MadeRoute made,
                  co_await notify_.rotate(id, std::chrono::hours(hours), request.principal.actor(), request.now));
    co_return shown_once(made, 200);
  }

  Task<Result<Response>> preview_new(Request& request) const {
    ARGOSY_CO_TRY(const RoutePreview preview, co_await notify_.preview(std::nullopt, request.body, request.now));
    co_return Response::json(preview_to_json(preview).dump());
  }

  Task<Result<Response>> preview_change(Request& request) const {
    ARGOSY_CO_TRY(const std::int64_t id, id_param(request));
    ARGOSY_CO_TRY(const RoutePreview preview, co_await notify_.preview(id, request.body, request.now));
    co_return Response::json(preview_to_json(preview).dump());
  }

  Task<Result<Response>> send_test(Request& request) const {
    ARGOSY_CO_TRY(const std::int64_t id, id_param(request));
    ARGOSY_CO_TRY(const Delivery delivery, co_await notify_.send_test(id, request.principal.actor(), request.now));
    co_return Response::json(delivery_to_json(delivery).dump(), 202);
  }

  Task<Result<Response>> list_deliveries(Request& request) const {
    ARGOSY_CO_TRY(const Page page, read_page(request));
    DeliveryQuery query{.limit = page.limit};
    ARGOSY_CO_TRY(const std::int64_t route, integer_query(request, "route", 0, 1, largest_id));
    if (route > 0) query.route = route;
    ARGOSY_CO_TRY(const std::int64_t alert, integer_query(request, "alert", 0, 1, largest_id));
    if (alert > 0) query.alert = alert;
    if (const auto state = request.query_value("state"); state && !state->empty()) {
      ARGOSY_CO_TRY(query.state, parse_delivery_state(*state));
    }
    ARGOSY_CO_TRY(const std::int64_t before, id_after(page, 0));
    if (before > 0) query.before = before;
    ARGOSY_CO_TRY(const DeliveryPage found, co_await notify_.deliveries(query));
    json items = json::array();
    for (const Delivery& delivery : found.items) items.push_back(delivery_to_json(delivery));
    CursorKey next;
    if (found.items.size() == page.limit) next.push_back(std::to_string(found.items.back().id));
    co_return page_response(request, items, next, found.total);
  }

  Task<Result<Response>> get_telling(Request& request) const {
    ARGOSY_CO_TRY(const std::int64_t alert, id_param(request));
    ARGOSY_CO_TRY(const AlertTelling telling, co_await notify_.telling(alert));
    co_return Response::json(telling_to_json(telling).dump());
  }

  Task<Result<Response>> get_delivery(Request& request) const {
    ARGOSY_CO_TRY(const std::int64_t id, id_param(request));
    ARGOSY_CO_TRY(const DeliveryInFull whole, co_await notify_.delivery(id));
    co_return Response::json(in_full(whole).dump());
  }

  Task<Result<Response>> redeliver(Request& request) const {
    ARGOSY_CO_TRY(const std::int64_t id, id_param(request));
    ARGOSY_CO_TRY(const Delivery delivery, co_await notify_.redeliver(id, request.principal.actor(), request.now));
    co_return Response::json(delivery_to_json(delivery).dump(), 202);
  }

 private:
  NotifyService& notify_;
};

}  // namespace

void add_notify_routes(Router& router, NotifyService& notify) {
  using enum Permission;
  const auto add = [&](Method method, const char* path, Permission permission,
                       Task<Result<Response>> (NotifyApi::*handle)(Request&) const) {
    router.add({method, path, permission,
                [api = NotifyApi(notify), handle](Request& request) { return (api.*handle)(request); }});
  };
  add(Method::get, "/api/v1/routes", read_notifications, &NotifyApi::list_routes);
  add(Method::post, "/api/v1/routes", manage_notifications, &NotifyApi::create);
  add(Method::get, "/api/v1/routes/{id}", read_notifications, &NotifyApi::get_route);
  add(Method::patch, "/api/v1/routes/{id}", manage_notifications, &NotifyApi::update);
  add(Method::del, "/api/v1/routes/{id}", manage_notifications, &NotifyApi::remove);
  add(Method::post, "/api/v1/routes/{id}/rotate", manage_notifications, &NotifyApi::rotate);
  add(Method::post, "/api/v1/routes/{id}/test", manage_notifications, &NotifyApi::send_test);
  add(Method::post, "/api/v1/routes/preview", manage_notifications, &NotifyApi::preview_new);
  add(Method::post, "/api/v1/routes/{id}/preview", manage_notifications, &NotifyApi::preview_change);
  add(Method::get, "/api/v1/alerts/{id}/deliveries", read_notifications, &NotifyApi::get_telling);
  add(Method::get, "/api/v1/deliveries", read_notifications, &NotifyApi::list_deliveries);
  add(Method::get, "/api/v1/deliveries/{id}", read_notifications, &NotifyApi::get_delivery);
  add(Method::post, "/api/v1/deliveries/{id}/redeliver", manage_notifications, &NotifyApi::redeliver);
}

}  // namespace argosy::server
