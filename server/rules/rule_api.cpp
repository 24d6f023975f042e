#include "server/rules/rule_api.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/json/json_reader.hpp"
#include "server/access/permission.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/rules/rule_service.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

constexpr std::chrono::hours longest_preview{14 * 24};
constexpr std::chrono::hours usual_preview{7 * 24};

json to_json(const StoredRule& stored) {
  json document = rule_to_json(stored.rule);
  const auto* shipped = shipped_rule(stored.rule.name);
  const auto metric = parse_rule_metric(stored.rule.metric);
  document["version"] = stored.version;
  document["shipped"] = shipped != nullptr;
  document["changed"] = shipped != nullptr && !(*shipped == stored.rule);
  document["sentence"] = sentence_of(stored.rule);
  document["subject"] = to_string(subject_of(stored.rule));
  document["unit"] = metric ? unit_of(*metric) : std::string_view{};
  document["updated_at"] = to_rfc3339(stored.updated_at);
  document["updated_by"] = stored.updated_by.empty() ? json() : json(stored.updated_by);
  return document;
}

json to_json(const ListedRule& listed) {
  json document = to_json(listed.stored);
  document["pending"] = listed.pending;
  document["firing"] = listed.firing;
  return document;
}

Response answer(const StoredRule& stored) {
  auto response = Response::json(to_json(stored).dump());
  response.headers.emplace_back("ETag", "\"" + std::to_string(stored.version) + "\"");
  return response;
}

std::string name_in(const Request& request) {
  return std::string(request.param("name"));
}

// None: whatever it is now.
Result<std::optional<std::int64_t>> version_wanted(const Request& request) {
  const auto header = request.header("if-match");
  if (!header)
    return make_error(Errc::precondition_required,
                      "send If-Match with the rule's version, so that two people do not cross; * for any");
  auto text = *header;
  if (text == "*") return std::optional<std::int64_t>();
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  std::int64_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc{} || end != text.data() + text.size())
    return make_error(Errc::precondition_failed, "If-Match '" + shortened(*header) + "' is no version of a rule");
  return std::optional(version);
}

Task<Result<Response>> list_rules(RuleService& rules, Request&) {
  ARGOSY_CO_TRY(const auto listed, co_await rules.list());
  auto items = json::array();
  for (const auto& rule : listed) items.push_back(to_json(rule));
  co_return Response::json(json{{"items", std::move(items)}}.dump());
}

Task<Result<Response>> get_rule(RuleService& rules, Request& request) {
  ARGOSY_CO_TRY(const auto rule, co_await rules.get(name_in(request)));
  auto response = Response::json(to_json(rule).dump());
  response.headers.emplace_back("ETag", "\"" + std::to_string(rule.stored.version) + "\"");
  co_return response;
}

Task<Result<Response>> create_rule(RuleService& rules, Request& request) {
  auto rule = read_rule(request.body, nullptr);
  if (!rule) co_return rule.error();
  ARGOSY_CO_TRY(const auto stored, co_await rules.create(std::move(*rule), request.principal.actor(), request.now));
  auto response = answer(stored);
  response.status = 201;
  co_return response;
}

Task<Result<Response>> update_rule(RuleService& rules, Request& request) {
  const auto version = version_wanted(request);
  if (!version) co_return version.error();
  ARGOSY_CO_TRY(const auto stored, co_await rules.update(name_in(request), *version, request.body,
                                                         request.principal.actor(), request.now));
  co_return answer(stored);
}

Task<Result<Response>> reset_rule(RuleService& rules, Request& request) {
  const auto version = version_wanted(request);
  if (!version) co_return version.error();
  ARGOSY_CO_TRY(const auto stored,
                co_await rules.reset(name_in(request), *version, request.principal.actor(), request.now));
  co_return answer(stored);
}

Task<Result<Response>> delete_rule(RuleService& rules, Request& request) {
  const auto version = version_wanted(request);
  if (!version) co_return version.error();
  ARGOSY_CO_CHECK(co_await rules.remove(name_in(request), *version, request.principal.actor(), request.now));
  co_return Response::no_content();
}

Task<Result<Response>> get_versions(RuleService& rules, Request& request) {
  ARGOSY_CO_TRY(const auto versions, co_await rules.versions(name_in(request)));
  auto items = json::array();
  for (const auto& each : versions)
    items.push_back({{"version", each.version},
                     {"what", each.what},
                     {"changed_at", to_rfc3339(each.changed_at)},
                     {"changed_by", each.changed_by.empty() ? json() : json(each.changed_by)},
                     {"rule", rule_to_json(each.rule)}});
  co_return Response::json(json{{"items", std::move(items)}}.dump());
}

struct PreviewWish {
  json rule;
  PreviewQuestion question;
};

// {"rule": {...}, "from"?, "to"?}; the last seven days without them.
Result<PreviewWish> read_preview(const Request& request) {
  ARGOSY_TRY(auto in, JsonReader::parse(request.body));
  PreviewWish wish;
  std::optional<Instant> from, to;
  in.required("rule", wish.rule).optional("from", from).optional("to", to);
  ARGOSY_CHECK(in.finish());
  wish.question.to = std::min(to.value_or(request.now), request.now);
  wish.question.from = from.value_or(wish.question.to - usual_preview);
  if (wish.question.from >= wish.question.to) return field_error("from", "must be before `to`, and before now");
  if (wish.question.to - wish.question.from > longest_preview)
    return field_error("from", "a preview is of 14 days at most");
  return wish;
}

Task<Result<Response>> preview_rule(RuleService& rules, Request& request) {
  auto wish = read_preview(request);
  if (!wish) co_return wish.error();
  const std::string name = wish->rule.is_object() ? wish->rule.value("name", "") : "";
  auto rule = read_rule(wish->rule.dump(), shipped_rule(name));
  if (!rule) co_return rule.error();
  ARGOSY_CO_TRY(const auto preview, co_await rules.preview(std::move(*rule), wish->question));
  co_return Response::json(preview_to_json(preview));
}

}  // namespace

void add_rule_routes(Router& router, RuleService& rules) {
  const auto add = [&](Method method, const char* path, Permission permission,
                       Task<Result<Response>> (*handle)(RuleService&, Request&)) {
    router.add({method, path, permission, [&rules, handle](Request& request) { return handle(rules, request); }});
  };
  add(Method::get, "/api/v1/rules", Permission::read_fleet, list_rules);
  add(Method::post, "/api/v1/rules", Permission::manage_rules, create_rule);
  add(Method::post, "/api/v1/rules/preview", Permission::read_fleet, preview_rule);
  add(Method::get, "/api/v1/rules/{name}", Permission::read_fleet, get_rule);
  add(Method::patch, "/api/v1/rules/{name}", Permission::manage_rules, update_rule);
  add(Method::del, "/api/v1/rules/{name}", Permission::manage_rules, delete_rule);
  add(Method::post, "/api/v1/rules/{name}/reset", Permission::manage_rules, reset_rule);
  add(Method::get, "/api/v1/rules/{name}/versions", Permission::read_fleet, get_versions);
}

}  // namespace argosy::server
