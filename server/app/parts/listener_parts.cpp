#include "server/app/parts/listener_parts.hpp"

#include <string_view>
#include <utility>

#include "server/access/authorization.hpp"
#include "server/app/part_options.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"

namespace argosy::server {
namespace {

constexpr std::string_view device_prefix = "/device/";

}  // namespace

ListenerParts::ListenerParts(Platform& platform, UpkeepParts& upkeep, DeviceParts& devices, AccessParts& access)
    : file_reader(platform.io, {.threads = 1, .queue_limit = 20000}),
      dashboard(platform.config.operator_web_root),
      idempotency(platform.db, operator_router),
      platform_(platform),
      quarantine_(upkeep.quarantine),
      access_(access) {
  const Config& config = platform.config;
  operator_server = std::make_unique<HttpServer>(platform.io, operator_options(config),
                                                 dispatcher("operator", operator_router, &dashboard), file_reader);
  if (config.device_enabled)
    device_server = std::make_unique<HttpServer>(platform.io, device_options(config),
                                                 dispatcher("device", device_router, nullptr), file_reader);
  if (config.metrics_enabled)
    metrics_server = std::make_unique<HttpServer>(platform.io, metrics_options(config),
                                                  dispatcher("metrics", metrics_router, nullptr), file_reader);
  devices.on_ended([this](const EndedCertificate& ended) {
    if (device_server) device_server->close_connections_of(ended.fingerprint);
  });
}

void ListenerParts::take(const Router& routes) {
  for (const Route& route : routes.routes()) {
    Router& where = route.path.starts_with(device_prefix) ? device_router : operator_router;
    where.add(route);
  }
}

Dispatcher ListenerParts::dispatcher(const std::string& listener, const Router& router, const StaticFiles* files) {
  Dispatcher::Options options;
  options.listener = listener;
  options.router = &router;
  options.files = files;
  options.metrics = &platform_.metrics;
  options.exchanges = &access_.exchanges;
  options.authenticate = [this](const Request& request) { return access_.authenticator.authenticate(request); };
  options.authorize = authorize;
  options.around = [this](const Route& route, Request& request) { return within_budget(route, request); };
  if (listener == "operator") {
    options.proxies = TrustedProxies::parse(platform_.config.operator_trusted_proxies).value();
    options.around = [this](const Route& route, Request& request) { return idempotency.around(route, request); };
  }
  return Dispatcher(std::move(options));
}

// Whatever a device asks for counts against what it may send.
Task<Result<Response>> ListenerParts::within_budget(const Route& route, Request& request) {
  if (request.principal.kind == Principal::Kind::device)
    ARGOSY_CO_CHECK(quarantine_.spend(request.principal.name, request.body.size(), request.now));
  co_return co_await handle_with_origin(route, request);
}

Result<void> ListenerParts::start() {
  ARGOSY_CHECK(operator_server->start());
  if (device_server) ARGOSY_CHECK(device_server->start());
  if (metrics_server) ARGOSY_CHECK(metrics_server->start());
  return {};
}

Task<void> ListenerParts::stop(std::chrono::milliseconds grace) {
  co_await operator_server->stop(grace);
  if (device_server) co_await device_server->stop(grace);
  if (metrics_server) co_await metrics_server->stop(grace);
}

void ListenerParts::add_figures(Metrics& metrics) {
  add_metrics(metrics, "operator", "people and pipelines", *operator_server);
  if (device_server) add_metrics(metrics, "device", "agents", *device_server);
}

}  // namespace argosy::server
