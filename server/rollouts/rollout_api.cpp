#include "server/rollouts/rollout_api.hpp"

#include <limits>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/access/permission.hpp"
#include "server/http/paging.hpp"
#include "server/http/query.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/rollouts/desired/desired_service.hpp"
#include "server/rollouts/preview_json.hpp"
#include "server/rollouts/rollout_json.hpp"
#include "server/rollouts/rollout_service.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr std::int64_t from_the_newest = std::numeric_limits<std::int64_t>::max();

Response rollout_response(const json& document, int status = 200) {
  auto response = Response::json(document.dump(), status);
  response.headers.emplace_back("ETag", "\"" + document.at("etag").get<std::string>() + "\"");
  return response;
}

Task<Result<Response>> list_rollouts(RolloutService& rollouts, Request& request) {
  auto page = read_page(request);
  if (!page) co_return page.error();
  auto before = id_after(*page, from_the_newest);
  if (!before) co_return before.error();
  ARGOSY_CO_TRY(auto found, co_await rollouts.list(*before, page->limit));
  json items = json::array();
  for (const auto& record : found.items) items.push_back(rollout_to_json(record));
  CursorKey next;
  if (found.more) next.push_back(std::to_string(found.items.back().id));
  co_return page_response(request, items, next, found.total);
}

Task<Result<Response>> create_rollout(RolloutService& rollouts, Request& request) {
  auto wanted = parse_new_rollout(request.body);
  if (!wanted) co_return wanted.error();
  wanted->person = request.principal.person();
  ARGOSY_CO_TRY(auto record, co_await rollouts.create(std::move(*wanted), request.principal.actor(), request.now));
  auto document = rollout_to_json(record);
  add_told_at_planning(document, record);
  auto response = rollout_response(document, 201);
  response.headers.emplace_back("Location", "/api/v1/rollouts/" + std::to_string(record.id));
  co_return response;
}

Task<Result<Response>> preview_rollout(RolloutService& rollouts, Request& request) {
  auto wanted = parse_new_rollout(request.body);
  if (!wanted) co_return wanted.error();
  ARGOSY_CO_TRY(const auto preview, co_await rollouts.preview(std::move(*wanted), request.now));
  co_return Response::json(preview_to_json(preview).dump());
}

Task<Result<Response>> get_rollout(RolloutService& rollouts, Request& request) {
  auto id = id_param(request);
  if (!id) co_return id.error();
  ARGOSY_CO_TRY(auto details, co_await rollouts.get(*id, request.now));
  co_return rollout_response(details_to_json(details));
}

// What the body of an operation says.
Result<void> read_details(const Request& request, OperatorCall& call) {
  switch (call.operation) {
    case Operation::start: {
      ARGOSY_TRY(call.start_at, parse_start(request.body));
      return {};
    }
    case Operation::approve:
    case Operation::refuse: {
      ARGOSY_TRY(call.comment, parse_comment(request.body));
      return {};
    }
    case Operation::promote: {
      ARGOSY_TRY(const auto wish, parse_promote(request.body));
      call.all = wish.all;
      call.override_guards = wish.override_guards;
      return {};
    }
    case Operation::retry: {
      ARGOSY_TRY(auto wish, parse_retry(request.body));
      call.cause = std::move(wish.cause);
      call.include_resting = wish.include_resting;
      return {};
    }
    default:
      return {};
  }
}

Task<Result<Response>> operate_rollout(RolloutService& rollouts, Request& request, Operation operation) {
  auto id = id_param(request);
  if (!id) co_return id.error();
  auto if_match = parse_if_match(request.header("if-match"));
  if (!if_match) co_return if_match.error();
  OperatorCall call{*id, operation, std::move(*if_match), "", request.principal.actor()};
  call.person = request.principal.person();
  if (auto read = read_details(request, call); !read) co_return read.error();
  ARGOSY_CO_TRY(auto details, co_await rollouts.operate(std::move(call), request.now));
  co_return rollout_response(details_to_json(details));
}

Task<Result<Response>> list_rollout_devices(RolloutService& rollouts, Request& request) {
  auto id = id_param(request);
  if (!id) co_return id.error();
  auto page = read_page(request);
  if (!page) co_return page.error();
  const std::string after = page->after.empty() ? std::string() : page->after.front();
  const std::string key(request.query_value("state").value_or(""));
  ARGOSY_CO_TRY(auto found, co_await rollouts.devices(*id, key, after, page->limit, request.now));
  json items = json::array();
  for (const auto& device : found.items) items.push_back(rollout_device_to_json(device));
  CursorKey next;
  if (found.more) next.push_back(found.items.back().device);
  co_return page_response(request, items, next, found.total);
}

Task<Result<Response>> list_decisions(RolloutService& rollouts, Request& request) {
  auto id = id_param(request);
  if (!id) co_return id.error();
  auto page = read_page(request);
  if (!page) co_return page.error();
  auto before = id_after(*page, from_the_newest);
  if (!before) co_return before.error();
  ARGOSY_CO_TRY(auto found, co_await rollouts.decisions(*id, *before, page->limit));
  json items = json::array();
  for (const auto& decision : found.items) items.push_back(decision_to_json(decision));
  CursorKey next;
  if (found.more) next.push_back(std::to_string(found.items.back().id));
  co_return page_response(request, items, next, found.total);
}

std::string etag_of(std::int64_t rev) {
  return "\"" + std::to_string(rev) + "\"";
}

Response not_modified(const std::string& etag) {
  Response unchanged = Response::no_content();
  unchanged.status = 304;
  unchanged.headers.emplace_back("ETag", etag);
  return unchanged;
}

Task<Result<Response>> get_desired(DesiredService& desired, const KnownRev& known_rev, Request& request) {
  const auto has = request.header("if-none-match");
  if (const auto rev = has ? known_rev(request.principal.name) : std::nullopt; rev && etag_of(*rev) == *has)
    co_return not_modified(etag_of(*rev));
  ARGOSY_CO_TRY(auto document, co_await desired.get(DeviceId(request.principal.name)));
  const std::string etag = etag_of(document.rev);
  if (has == std::string_view(etag)) co_return not_modified(etag);
  auto response = Response::json(wire::encode(document));
  response.headers.emplace_back("ETag", etag);
  co_return response;
}

}  // namespace

void add_rollout_routes(Router& router, RolloutService& rollouts) {
  const std::string all = "/api/v1/rollouts";
  const std::string one = all + "/{id}";
  router.add({.method = Method::get,
              .path = all,
              .permission = Permission::read_fleet,
              .handler = [&rollouts](Request& request) { return list_rollouts(rollouts, request); }});
  router.add({.method = Method::post,
              .path = all,
              .permission = Permission::operate_rollouts,
              .handler = [&rollouts](Request& request) { return create_rollout(rollouts, request); }});
  router.add({.method = Method::post,
              .path = all + "/preview",
              .permission = Permission::operate_rollouts,
              .handler = [&rollouts](Request& request) { return preview_rollout(rollouts, request); }});
  router.add({.method = Method::get,
              .path = one,
              .permission = Permission::read_fleet,
              .handler = [&rollouts](Request& request) { return get_rollout(rollouts, request); }});
  router.add({.method = Method::get,
              .path = one + "/devices",
              .permission = Permission::read_fleet,
              .handler = [&rollouts](Request& request) { return list_rollout_devices(rollouts, request); }});
  router.add({.method = Method::get,
              .path = one + "/decisions",
              .permission = Permission::read_fleet,
              .handler = [&rollouts](Request& request) { return list_decisions(rollouts, request); }});
  for (const auto operation : all_operations()) {
    router.add({.method = Method::post,
                .path = one + "/" + std::string(to_string(operation)),
                .permission = Permission::operate_rollouts,
                .handler = [&rollouts, operation](Request& request) {
                  return operate_rollout(rollouts, request, operation);
                }});
  }
}

void add_desired_routes(Router& router, DesiredService& desired, KnownRev known_rev) {
  router.add({.method = Method::get,
              .path = "/device/v1/desired",
              .permission = Permission::act_as_device,
              .handler = [&desired, known_rev = std::move(known_rev)](Request& request) {
                return get_desired(desired, known_rev, request);
              }});
}

}  // namespace argosy::server
