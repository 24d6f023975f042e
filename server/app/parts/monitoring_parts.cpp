#include "server/app/parts/monitoring_parts.hpp"

#include <utility>

#include <spdlog/spdlog.h>

#include "server/app/part_options.hpp"
#include "server/app/system_api.hpp"
#include "server/monitoring/process_figures.hpp"

namespace argosy::server {

MonitoringParts::MonitoringParts(Platform& platform, LeaderParts& leader)
    : fleet_figures(platform.db), overview(platform.db), platform_(platform), leader_(leader) {}

void MonitoringParts::start() {
  const Config& config = platform_.config;
  if (config.otlp_endpoint.empty()) return;
  OtlpOptions options =
      otlp_options(config, otlp_target(config.otlp_endpoint, config.otlp_headers).value(), platform_.instance);
  options.observe = loop_observer(platform_.metrics);
  exporter_ = std::make_unique<OtlpExporter>(platform_.io, std::move(options), [this] { return all_figures(*this); });
  add_metrics(platform_.metrics, *exporter_);
}

// An instance sends its own, and the one that leads the fleet's, too.
Task<std::vector<FigureFamily>> MonitoringParts::all_figures(MonitoringParts& parts) {
  auto all = parts.platform_.metrics.families();
  if (!parts.leader_.leading()) co_return all;
  const auto fleet = co_await parts.fleet_figures.current();
  if (!fleet) spdlog::warn("the fleet's figures are not exported: {}", fleet.error().message);
  if (fleet) all.insert(all.end(), (*fleet)->begin(), (*fleet)->end());
  co_return all;
}

Task<void> MonitoringParts::stop() {
  if (exporter_) co_await exporter_->stop();
}

void MonitoringParts::add_routes(Router& router) {
  add_overview_routes(router, overview);
}

void MonitoringParts::add_collector_routes(Router& router) {
  add_metrics_route(router, platform_.metrics);
  add_fleet_metrics_route(router, fleet_figures);
}

void MonitoringParts::add_figures(Metrics& metrics) {
  metrics.include([this] { return served.families(); });
  metrics.include([] { return process_figures(ARGOSY_VERSION); });
}

}  // namespace argosy::server
