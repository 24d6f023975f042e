#include "server/access/idempotency.hpp"

#include <algorithm>
#include <array>

#include <boost/asio/this_coro.hpp>
#include <nlohmann/json.hpp>

#include "common/crypto/digest.hpp"
#include "server/access/authorization.hpp"
#include "server/access/idempotency_store.hpp"
#include "server/db/db_pool.hpp"
#include "server/db/transaction_scope.hpp"
#include "server/http/problem.hpp"
#include "server/http/request.hpp"
#include "server/http/router.hpp"

namespace argosy::server {
namespace {

constexpr std::size_t max_key_bytes = 128;
constexpr std::size_t max_kept_bytes = 1U << 20;
constexpr Duration give_up{60'000};
constexpr std::array routes_with_secrets{std::string_view("/api/v1/tokens"),
                                         std::string_view("/api/v1/claims"),
                                         std::string_view("/api/v1/users"),
                                         std::string_view("/api/v1/login"),
                                         std::string_view("/api/v1/login/link"),
                                         std::string_view("/api/v1/routes"),
                                         std::string_view("/api/v1/routes/{id}/rotate")};

constexpr std::string_view route_that_changes_nothing = "/api/v1/rollouts/preview";

bool applies_to(const Route& route) {
  return route.method == Method::post && !route.streaming && route.path != route_that_changes_nothing &&
         std::find(routes_with_secrets.begin(), routes_with_secrets.end(), route.path) == routes_with_secrets.end();
}

std::optional<StoredResponse> worth_keeping(const Response& response) {
  const auto* body = std::get_if<std::string>(&response.body);
  if (response.status >= 500 || body == nullptr || body->size() > max_kept_bytes) return std::nullopt;
  return StoredResponse{response.status, *body, {}};
}

Response replay(const StoredResponse& stored) {
  Response response = Response::json(stored.body, stored.status);
  if (stored.status >= 400) response.content_type = "application/problem+json";
  if (stored.body.empty()) response.content_type.clear();
  response.headers.emplace_back("Idempotency-Replayed", "true");
  return response;
}

// Tokens may share a name, but not their keys.
std::string owner_of_keys(const Principal& principal) {
  if (principal.kind == Principal::Kind::token) return "token:" + std::to_string(principal.id);
  return principal.actor();
}

bool reads(Method method) {
  return method == Method::get || method == Method::head;
}

}  // namespace

std::string path_of_object(const std::string& object) {
  const std::size_t slash = object.find('/');
  if (slash == std::string::npos) return {};
  const std::string kind = object.substr(0, slash);
  const std::string rest = object.substr(slash + 1);
  if (kind == "rollout") return "/api/v1/rollouts/" + rest;
  if (kind == "model") return "/api/v1/models/" + rest;
  if (kind == "route") return "/api/v1/routes/" + rest;
  if (kind == "delivery") return "/api/v1/deliveries/" + rest;
  const std::size_t second = rest.find('/');
  if (kind == "release" && second != std::string::npos) {
    return "/api/v1/models/" + rest.substr(0, second) + "/releases/" + rest.substr(second + 1);
  }
  return {};
}

Task<Result<Response>> handle_with_origin(const Route& route, Request& request) {
  auto handling = route.handler(request);
  if (!reads(request.method)) {
    auto scope = std::make_shared<TransactionScope>();
    scope->origin = request.peer_address;
    const auto io = co_await boost::asio::this_coro::executor;
    handling = in_scope(io, std::move(scope), std::move(handling));
  }
  co_return co_await std::move(handling);
}

Task<Result<Response>> Idempotency::around(const Route& route, Request& request) {
  const auto key = request.header("idempotency-key");
  if (!key || !applies_to(route)) {
    co_return co_await handle_with_origin(route, request);
  }
  const bool printable = std::all_of(key->begin(), key->end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (key->empty() || key->size() > max_key_bytes || !printable) {
    co_return make_error(Errc::invalid_argument, "the Idempotency-Key must be 1 to 128 visible ASCII characters");
  }
  co_return co_await run_once(route, request, std::string(*key));
}

Task<Result<Response>> Idempotency::run_once(const Route& route, Request& request, std::string key) {
  const std::string actor = owner_of_keys(request.principal);
  auto beginning = db_.transact(
      BeginIdempotent{actor, key, request.path, sha256(as_bytes(request.body)).to_hex(), request.now, give_up});
  ARGOSY_CO_TRY(const auto begun, co_await std::move(beginning));
  if (begun.earlier && begun.earlier->status == 0) {
    co_return co_await outcome_of(request, begun.earlier->object);
  }
  if (begun.earlier) co_return replay(*begun.earlier);
  auto scope = std::make_shared<TransactionScope>();
  scope->origin = request.peer_address;
  scope->before_commit = MarkIdempotent{actor, key, begun.attempt};
  const auto io = co_await boost::asio::this_coro::executor;
  auto outcome = co_await in_scope(io, std::move(scope), route.handler(request));
  Response response = outcome ? std::move(*outcome) : problem(outcome.error());
  ARGOSY_CO_CHECK(co_await db_.transact<FinishIdempotent>(actor, key, begun.attempt, worth_keeping(response)));
  if (!outcome && http_status(outcome.error().code) >= 500) co_return outcome.error();
  co_return response;
}

// The change was made, and its server died before it answered: what the change came to is read instead.
Task<Result<Response>> Idempotency::outcome_of(Request& request, std::string object) {
  const Router::Match match = router_.match(Method::get, path_of_object(object));
  Response response = Response::json(nlohmann::json{{"done", true}, {"object", object}}.dump());
  if (match.route != nullptr && authorize(match.route->permission, request.principal)) {
    Request read;
    read.path = path_of_object(object);
    read.params = match.params;
    read.principal = request.principal;
    read.now = request.now;
    auto found = co_await match.route->handler(read);
    if (found) response = std::move(*found);
  }
  response.headers.emplace_back("Idempotency-Replayed", "true");
  co_return response;
}

}  // namespace argosy::server
