// From a request's header to its route, past authentication, and from the whole request to the response: what a
// listener does apart from the bytes. Runs on the I/O thread; answers every failure with a problem.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "common/base/error.hpp"
#include "server/base/metrics.hpp"
#include "server/base/task.hpp"
#include "server/http/client_address.hpp"
#include "server/http/open_exchanges.hpp"
#include "server/http/principal.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/http/static_files.hpp"

namespace argosy::server {

struct Request;
struct Route;

class Dispatcher {
 public:
  using Authenticate = std::function<Task<Result<Principal>>(const Request&)>;
  // Whether this caller has this permission; an error that says what is missing.
  using Authorize = std::function<Result<void>(Permission, const Principal&)>;
  using Around = std::function<Task<Result<Response>>(const Route&, Request&)>;
  struct Options {
    std::string listener;                // in metrics and the log: "operator", "device"
    const Router* router = nullptr;      // outlives this
    const StaticFiles* files = nullptr;  // for paths that no route has; may be null
    Metrics* metrics = nullptr;          // outlives this
    Authenticate authenticate;           // empty: everybody is anonymous
    Authorize authorize = nobody_may;    // of what is not open
    TrustedProxies proxies{};            // whose word on a client's address counts
    OpenExchanges* exchanges = nullptr;  // outlives this; may be null
    Around around;  // calls the route's handler, and may do something before and after; may be empty
  };
  static Result<void> nobody_may(Permission wanted, const Principal& caller);
  explicit Dispatcher(Options options) : options_(std::move(options)) {}

  struct Admission {
    const Route* route = nullptr;
    std::optional<Response> answer;  // without looking at the body: a refusal, or a file
  };
  // Fills the request's params and principal.
  Task<Admission> admit(Request& request) const;
  // Whether the caller may still do this: asked again when much time went by since. A refusal, or nothing.
  Task<std::optional<Response>> admit_again(const Route& route, Request& request) const;
  Task<Response> handle(const Route& route, Request& request) const;
  // While the ticket is held, `cut` is called when the caller's right ends.
  OpenExchanges::Ticket watch(const Request& request, const Route& route, std::function<void()> cut) const;

  // Counts and logs one answered request.
  void record(const Request& request, const Route* route, int status, std::uint64_t bytes_sent, double seconds) const;

 private:
  Task<std::optional<Response>> refusal(const Route& route, Request& request) const;
  Admission without_route(const Request& request, const Router::Match& match) const;
  Options options_;
};

}  // namespace argosy::server
