#include "server/http/dispatcher.hpp"

#include <spdlog/spdlog.h>

#include "server/http/problem.hpp"
#include "server/http/request.hpp"

namespace argosy::server {
namespace {

// A body that took longer to arrive may have outlived the right to send it.
constexpr Duration admission_life{100};

Response method_not_allowed(const Request& request, const std::vector<Method>& allowed) {
  std::string list;
  for (const Method method : allowed) {
    list += (list.empty() ? "" : ", ") + std::string(to_string(method));
    if (method == Method::get) list += ", HEAD";
  }
  Response response = problem(
      405, "method-not-allowed", "The method is not allowed here",
      std::string(to_string(request.method)) + " is not possible on " + request.path + "; possible are " + list);
  response.headers.emplace_back("Allow", list);
  return response;
}

// Callers learn that something failed and where to look, not what the database said.
Response answer_of(const Request& request, const Error& error) {
  if (http_status(error.code) == 500) {
    spdlog::error("{} {} {} failed: {}: {}", request.id, to_string(request.method), request.path, slug(error.code),
                  error.message);
    return problem(make_error(error.code, "the server failed; its log says why under request " + request.id));
  }
  return problem(error);
}

}  // namespace

Result<void> Dispatcher::nobody_may(Permission, const Principal&) {
  return make_error(Errc::unauthenticated, "this listener serves only what is open to everybody");
}

Dispatcher::Admission Dispatcher::without_route(const Request& request, const Router::Match& match) const {
  if (!match.allowed.empty()) return {nullptr, method_not_allowed(request, match.allowed)};
  const bool reads = request.method == Method::get || request.method == Method::head;
  const bool programmatic = request.path.starts_with("/api/") || request.path.starts_with("/device/");
  if (options_.files != nullptr && reads && !programmatic) {
    if (auto file = options_.files->find(request.path, request.header("accept-encoding").value_or(""))) {
      return {nullptr, std::move(file)};
    }
  }
  return {nullptr, problem(make_error(Errc::not_found, "there is nothing at " + request.path))};
}

Task<Dispatcher::Admission> Dispatcher::admit(Request& request) const {
  request.peer_address =
      options_.proxies.client(request.peer_address, request.header("x-forwarded-for"), request.header("forwarded"));
  Router::Match match = options_.router->match(request.method, request.path);
  if (match.route == nullptr) co_return without_route(request, match);
  request.params = std::move(match.params);
  auto answer = co_await refusal(*match.route, request);
  co_return Admission{match.route, std::move(answer)};
}

Task<std::optional<Response>> Dispatcher::refusal(const Route& route, Request& request) const {
  if (route.permission == open_to_everybody) co_return std::nullopt;
  if (options_.authenticate) {
    auto principal = co_await options_.authenticate(request);
    if (!principal) co_return answer_of(request, principal.error());
    request.principal = std::move(*principal);
  }
  const auto authorized = options_.authorize(route.permission, request.principal);
  if (!authorized) co_return problem(authorized.error());
  co_return std::nullopt;
}

Task<std::optional<Response>> Dispatcher::admit_again(const Route& route, Request& request) const {
  if (wall_clock_now() - request.now < admission_life) co_return std::nullopt;
  co_return co_await refusal(route, request);
}

OpenExchanges::Ticket Dispatcher::watch(const Request& request, const Route& route, std::function<void()> cut) const {
  if (options_.exchanges == nullptr || route.permission == open_to_everybody) return {};
  return options_.exchanges->enter(request, route.permission, std::move(cut));
}

Task<Response> Dispatcher::handle(const Route& route, Request& request) const {
  std::string failure;
  try {
    auto answering = options_.around ? options_.around(route, request) : route.handler(request);
    auto response = co_await std::move(answering);
    if (response) co_return std::move(*response);
    co_return answer_of(request, response.error());
  } catch (const std::exception& exception) {
    failure = exception.what();
  }
  co_return answer_of(request, make_error(Errc::internal, "a handler threw: " + failure));
}

void Dispatcher::record(const Request& request, const Route* route, int status, std::uint64_t bytes_sent,
                        double seconds) const {
  const bool from_people = options_.listener == "operator";
  spdlog::log(status >= 500 ? spdlog::level::warn : (from_people ? spdlog::level::info : spdlog::level::debug),
              "{} {} {} {} {} B {:.1f} ms {} {}", request.id, to_string(request.method), request.path, status,
              bytes_sent, seconds * 1000, request.principal.actor(), request.peer_address);
  if (options_.metrics == nullptr) return;
  options_.metrics
      ->counter("argosy_http_requests_total", "Requests answered",
                {{"listener", options_.listener},
                 {"route", route == nullptr ? "none" : route->path},
                 {"method", std::string(to_string(request.method))},
                 {"status", std::to_string(status)}})
      .add();
  options_.metrics
      ->histogram("argosy_http_request_duration_seconds", "Time from the whole header to the end of the response",
                  {{"listener", options_.listener}})
      .observe(seconds);
}

}  // namespace argosy::server
