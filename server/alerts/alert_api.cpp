#include "server/alerts/alert_api.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"
#include "common/json/json_text.hpp"
#include "server/access/permission.hpp"
#include "server/http/paging.hpp"
#include "server/http/query.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"

namespace argosy::server {

namespace {

constexpr std::size_t most_comment_bytes = 1000;
constexpr std::array<std::string_view, 4> states{"open", "pending", "firing", "resolved"};
constexpr std::array<std::string_view, 3> holds{"free", "inhibited", "silenced"};

std::optional<std::string> text_query(const Request& request, std::string_view name) {
  const auto value = request.query_value(name);
  if (!value || value->empty()) return std::nullopt;
  return std::string(*value);
}

// One of a few words, or nothing.
Result<std::optional<std::string>> word_query(const Request& request, std::string_view name,
                                              std::span<const std::string_view> words) {
  auto value = text_query(request, name);
  if (!value || std::find(words.begin(), words.end(), *value) != words.end()) return value;
  std::string all;
  for (const auto word : words) all += (all.empty() ? "" : ", ") + std::string(word);
  return make_error(Errc::invalid_argument, std::string(name) + " is \"" + *value + "\", but must be one of " + all);
}

Result<std::optional<std::int64_t>> before_query(const Page& page) {
  ARGOSY_TRY(const auto before, id_after(page, 0));
  return before > 0 ? std::optional(before) : std::nullopt;
}

template <class Items, class ToJson>
Response newest_first(const Request& request, const Page& page, const Items& found, std::int64_t total,
                      ToJson to_json) {
  auto items = nlohmann::json::array();
  for (const auto& item : found) items.push_back(json_or_null(to_json(item)));
  CursorKey next;
  if (found.size() == page.limit) next.push_back(std::to_string(found.back().id));
  return page_response(request, items, next, total);
}

Task<Result<Response>> get_alerts(AlertService& alerts, Request& request) {
  ARGOSY_CO_TRY(const auto page, read_page(request));
  AlertQuery query;
  ARGOSY_CO_TRY(query.state, word_query(request, "state", states));
  ARGOSY_CO_TRY(query.held, word_query(request, "held", holds));
  ARGOSY_CO_TRY(query.before, before_query(page));
  query.device = text_query(request, "device");
  query.rule = text_query(request, "rule");
  query.group = text_query(request, "group");
  query.limit = page.limit;
  ARGOSY_CO_TRY(const auto found, co_await alerts.list(std::move(query)));
  co_return newest_first(request, page, found.items, found.total, alert_to_json);
}

Task<Result<Response>> get_alert(AlertService& alerts, Request& request) {
  ARGOSY_CO_TRY(const auto id, id_param(request));
  ARGOSY_CO_TRY(const auto found, co_await alerts.find(id));
  co_return Response::json(alert_with_history_to_json(found));
}

Task<Result<Response>> get_groups(AlertService& alerts, Request& request) {
  constexpr std::array<std::string_view, 2> ways{"told", "rule"};
  ARGOSY_CO_TRY(auto state, word_query(request, "state", states));
  ARGOSY_CO_TRY(const auto by, word_query(request, "by", ways));
  GroupQuery query;
  if (state) query.state = std::move(*state);
  query.by_rule = by == "rule";
  ARGOSY_CO_TRY(const auto found, co_await alerts.groups(std::move(query)));
  co_return Response::json(groups_to_json(found));
}

Task<Result<Response>> get_history(AlertService& alerts, Request& request) {
  ARGOSY_CO_TRY(const auto page, read_page(request));
  HistoryQuery query;
  if (const auto alert = text_query(request, "alert")) {
    ARGOSY_CO_TRY(query.alert, parse_integer(*alert, "alert"));
  }
  ARGOSY_CO_TRY(query.before, before_query(page));
  query.device = text_query(request, "device");
  query.rule = text_query(request, "rule");
  query.limit = page.limit;
  ARGOSY_CO_TRY(const auto found, co_await alerts.history(std::move(query)));
  co_return newest_first(request, page, found.items, found.total, moment_to_json);
}

Result<std::string> read_comment(const std::string& body) {
  std::string comment;
  if (body.empty()) return comment;
  ARGOSY_TRY(auto in, JsonReader::parse(body));
  in.optional_text("comment", most_comment_bytes, comment);
  ARGOSY_CHECK(in.finish());
  return comment;
}

Task<Result<Response>> post_acknowledge(AlertService& alerts, Request& request) {
  ARGOSY_CO_TRY(const auto id, id_param(request));
  ARGOSY_CO_TRY(auto comment, read_comment(request.body));
  ARGOSY_CO_TRY(const auto alert,
                co_await alerts.acknowledge(id, std::move(comment), request.principal.actor(), request.now));
  co_return Response::json(alert_to_json(alert));
}

Task<Result<Response>> delete_acknowledge(AlertService& alerts, Request& request) {
  ARGOSY_CO_TRY(const auto id, id_param(request));
  ARGOSY_CO_TRY(const auto alert,
                co_await alerts.take_acknowledgement_back(id, request.principal.actor(), request.now));
  co_return Response::json(alert_to_json(alert));
}

Task<Result<Response>> get_silences(AlertService& alerts, Request& request) {
  constexpr std::array<std::string_view, 2> lives{"live", "ended"};
  ARGOSY_CO_TRY(const auto page, read_page(request));
  ARGOSY_CO_TRY(const auto state, word_query(request, "state", lives));
  SilenceQuery query;
  query.ended = state == "ended";
  query.limit = page.limit;
  ARGOSY_CO_TRY(query.before, before_query(page));
  ARGOSY_CO_TRY(const auto found, co_await alerts.silences(std::move(query)));
  co_return newest_first(request, page, found.items, found.total, silence_to_json);
}

Task<Result<Response>> post_silence(AlertService& alerts, Request& request) {
  ARGOSY_CO_TRY(auto wanted, read_silence(request.body, request.now));
  ARGOSY_CO_TRY(const auto silence,
                co_await alerts.add_silence(std::move(wanted), request.principal.actor(), request.now));
  auto response = Response::json(silence_to_json(silence));
  response.status = 201;
  co_return response;
}

Task<Result<Response>> put_silence(AlertService& alerts, Request& request) {
  ARGOSY_CO_TRY(const auto id, id_param(request));
  ARGOSY_CO_TRY(auto wanted, read_silence(request.body, request.now));
  ARGOSY_CO_TRY(const auto silence,
                co_await alerts.change_silence(id, std::move(wanted), request.principal.actor(), request.now));
  co_return Response::json(silence_to_json(silence));
}

Task<Result<Response>> delete_silence(AlertService& alerts, Request& request) {
  ARGOSY_CO_TRY(const auto id, id_param(request));
  ARGOSY_CO_TRY(const auto silence, co_await alerts.end_silence(id, request.principal.actor(), request.now));
  co_return Response::json(silence_to_json(silence));
}

}  // namespace

void add_alert_routes(Router& router, AlertService& alerts) {
  using Handler = Task<Result<Response>> (*)(AlertService&, Request&);
  const auto add = [&](Method method, const char* path, Permission permission, Handler handler) {
    router.add({method, path, permission, [&alerts, handler](Request& request) { return handler(alerts, request); }});
  };
  const auto people = Permission::acknowledge_alerts;
  add(Method::get, "/api/v1/alerts", Permission::read_fleet, get_alerts);
  add(Method::get, "/api/v1/alerts/groups", Permission::read_fleet, get_groups);
  add(Method::get, "/api/v1/alerts/history", Permission::read_fleet, get_history);
  add(Method::get, "/api/v1/alerts/{id}", Permission::read_fleet, get_alert);
  add(Method::post, "/api/v1/alerts/{id}/acknowledge", people, post_acknowledge);
  add(Method::del, "/api/v1/alerts/{id}/acknowledge", people, delete_acknowledge);
  add(Method::get, "/api/v1/silences", Permission::read_fleet, get_silences);
  add(Method::post, "/api/v1/silences", people, post_silence);
  add(Method::put, "/api/v1/silences/{id}", people, put_silence);
  add(Method::del, "/api/v1/silences/{id}", people, delete_silence);
}

}  // namespace argosy::server
