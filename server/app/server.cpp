#include "server/app/server.hpp"

#include <array>
#include <iostream>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include "server/access/access_api.hpp"
#include "server/app/part_options.hpp"
#include "server/app/parts/access_parts.hpp"
#include "server/app/parts/broker_parts.hpp"
#include "server/app/parts/device_parts.hpp"
#include "server/app/parts/intake_parts.hpp"
#include "server/app/parts/judging_parts.hpp"
#include "server/app/parts/leader_parts.hpp"
#include "server/app/parts/listener_parts.hpp"
#include "server/app/parts/model_parts.hpp"
#include "server/app/parts/monitoring_parts.hpp"
#include "server/app/parts/notice_parts.hpp"
#include "server/app/parts/platform.hpp"
#include "server/app/parts/rollout_parts.hpp"
#include "server/app/parts/telemetry_parts.hpp"
#include "server/app/parts/upkeep_parts.hpp"
#include "server/app/system_api.hpp"
#include "server/db/migrations.hpp"

namespace argosy::server {

namespace asio = boost::asio;

// In the order in which they are made, each of what stands above it; they end the other way round.
struct Server::Parts {
  Parts(std::unique_ptr<Platform> given, BlobService store, CertificateAndKey authority);

  std::unique_ptr<Platform> platform;
  UpkeepParts upkeep{*platform};
  BrokerParts broker{*platform};
  DeviceParts devices;
  AccessParts access{*platform, devices};
  ModelParts models;
  RolloutParts rollouts{*platform, devices, models};
  LeaderParts leader{*platform, upkeep, broker, devices, rollouts};
  MonitoringParts monitoring{*platform, leader};
  JudgingParts judging{*platform, devices, rollouts, leader};
  TelemetryParts telemetry{*platform, upkeep, broker, leader, monitoring, judging};
  NoticeParts notices{*platform, leader};
  IntakeParts intake{*platform, upkeep, broker, devices, rollouts, telemetry};
  ListenerParts listeners{*platform, upkeep, devices, access};

  std::array<Capability*, 13> all() {
    return {&upkeep,     &broker,  &devices,   &access,  &models, &rollouts, &leader,
            &monitoring, &judging, &telemetry, &notices, &intake, &listeners};
  }
  SystemStatus status() const;
  Task<Result<void>> tell_where();
  Task<void> end_work(Duration grace);
  Task<void> finish_work(std::shared_ptr<asio::steady_timer> done);
};

Server::Parts::Parts(std::unique_ptr<Platform> given, BlobService store, CertificateAndKey authority)
    : platform(std::move(given)),
      devices(*platform, broker, std::move(authority)),
      models(*platform, std::move(store)) {
  Router routes;
  for (Capability* each : all()) {
    each->add_jobs(leader.work);
    each->add_routes(routes);
    each->add_figures(platform->metrics);
  }
  add_system_routes(routes, platform->db, [this] { return status(); });
  monitoring.add_collector_routes(listeners.metrics_server ? listeners.metrics_router : routes);
  listeners.take(routes);
}

SystemStatus Server::Parts::status() const {
  return {leader.leading(), broker.connected(), devices.revocation ? devices.revocation->status() : RevocationStatus{}};
}

// In the log, and to whoever starts it for the first time.
Task<Result<void>> Server::Parts::tell_where() {
  const Config& config = platform->config;
  const std::string url = public_url(config, listeners.operator_server->port());
  spdlog::info("argosyd {} serves people on {}", ARGOSY_VERSION, url);
  if (listeners.metrics_server)
    spdlog::info("metrics: http://{}:{}/metrics", config.metrics_address, listeners.metrics_server->port());
  if (listeners.device_server)
    spdlog::info("agents: https://{}:{}", config.device_address, listeners.device_server->port());
  ARGOSY_CO_TRY(const std::string token, co_await access.access.make_admin_link(true, wall_clock_now()));
  if (!token.empty()) {
    std::cout << "First start: there are no users yet. Open this link to sign in as admin and set a password; it works "
                 "once, within "
              << config.access_link_minutes << " minutes:\n  " << login_link(url, token) << std::endl;
  }
  co_return Result<void>{};
}

// Waits for the rounds that are under way, but no longer than `grace`: one may wait for a database that is gone.
Task<void> Server::Parts::end_work(Duration grace) {
  const auto done = std::make_shared<asio::steady_timer>(platform->io, grace);
  asio::co_spawn(platform->io, finish_work(done), asio::detached);
  co_await done->async_wait(asio::as_tuple(asio::use_awaitable));
}

Task<void> Server::Parts::finish_work(std::shared_ptr<asio::steady_timer> done) {
  co_await models.patches.stop();
  co_await leader.work.ended();
  co_await telemetry.collector.stop();
  co_await platform->loops.stop();
  done->cancel();
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::create(asio::io_context& io, const Config& config) {
  auto authority = read_authority(config);
  if (!authority) {
    return std::move(authority).error().within(
        "the fleet's authority (make it with argosyd --init-pki, or set "
        "http.device.enabled=false)");
  }
  ARGOSY_CHECK(check_share(config));
  ARGOSY_CHECK(check_otlp(config));
  ARGOSY_TRY(const auto applied, migrate(config.database_conninfo, built_in_migrations()));
  for (const std::string& name : applied) spdlog::info("applied migration {}", name);
  auto platform = std::make_unique<Platform>(io.get_executor(), config);
  auto store = open_store(*platform);
  if (!store) return std::move(store).error().within("the store");
  return std::unique_ptr<Server>(
      new Server(std::make_unique<Parts>(std::move(platform), std::move(*store), std::move(*authority))));
}

Task<Result<void>> Server::start() {
  Parts& parts = *parts_;
  const Instant now = wall_clock_now();
  ARGOSY_CO_CHECK(co_await parts.telemetry.telemetry.tick(now));  // partitions before the first window
  ARGOSY_CO_CHECK(co_await parts.upkeep.quarantine.load(now));    // what must not be taken again
  ARGOSY_CO_CHECK(parts.listeners.start());
  parts.notices.start();
  parts.access.start();
  parts.devices.start([&leader = parts.leader] { return leader.leading(); });
  parts.telemetry.start();
  parts.upkeep.start();
  parts.monitoring.start();
  parts.broker.start();
  parts.models.start();
  parts.leader.start();  // only what runs may lead
  co_return co_await parts.tell_where();
}

// Nothing new begins; what is under way has the time of grace to end; then the ways in are closed.
Task<void> Server::stop() {
  Parts& parts = *parts_;
  const auto grace = Duration{parts.platform->config.shutdown_grace_ms};
  parts.platform->loops.request_stop();
  parts.leader.request_stop();
  parts.notices.request_stop();
  parts.access.request_stop();
  parts.intake.request_stop();
  parts.broker.request_stop();
  co_await parts.monitoring.stop();
  co_await parts.upkeep.stop();
  co_await parts.end_work(grace);
  co_await parts.listeners.stop(grace);
}

std::uint16_t Server::operator_port() const {
  return parts_->listeners.operator_server->port();
}
std::uint16_t Server::metrics_port() const {
  return parts_->listeners.metrics_server ? parts_->listeners.metrics_server->port() : 0;
}
std::uint16_t Server::device_port() const {
  return parts_->listeners.device_server ? parts_->listeners.device_server->port() : 0;
}
const Router& Server::operator_routes() const {
  return parts_->listeners.operator_router;
}
const Router& Server::device_routes() const {
  return parts_->listeners.device_router;
}

}  // namespace argosy::server
