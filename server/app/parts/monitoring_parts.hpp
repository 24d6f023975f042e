// What the fleet looks like as a whole, for people and for others' monitoring. On the I/O thread; the exporter has a
// thread of its own.
#pragma once

#include <memory>
#include <vector>

#include "common/base/error.hpp"
#include "server/app/parts/capability.hpp"
#include "server/app/parts/leader_parts.hpp"
#include "server/app/parts/platform.hpp"
#include "server/base/task.hpp"
#include "server/monitoring/fleet_figures_service.hpp"
#include "server/monitoring/otlp_exporter_service.hpp"
#include "server/monitoring/served_figures.hpp"
#include "server/overview/overview_service.hpp"

namespace argosy::server {

class MonitoringParts : public Capability {
 public:
  MonitoringParts(Platform& platform, LeaderParts& leader);

  ServedFigures served;
  FleetFiguresService fleet_figures;
  OverviewService overview;

  void start();
  Task<void> stop();

  void add_routes(Router& router) override;
  void add_collector_routes(Router& router);  // on the listener for metrics, if there is one
  void add_figures(Metrics& metrics) override;

 private:
  static Task<std::vector<FigureFamily>> all_figures(MonitoringParts& parts);

  Platform& platform_;
  LeaderParts& leader_;
  std::unique_ptr<OtlpExporter> exporter_;  // null: nobody is sent any
};

}  // namespace argosy::server
