// Telemetry: from what a device sends to stored windows, who hears of them, what is asked of them, and labels of them.
// On the I/O thread; batches are decoded on readers.
#pragma once

#include "server/app/parts/broker_parts.hpp"
#include "server/app/parts/capability.hpp"
#include "server/app/parts/judging_parts.hpp"
#include "server/app/parts/leader_parts.hpp"
#include "server/app/parts/monitoring_parts.hpp"
#include "server/app/parts/platform.hpp"
#include "server/app/parts/upkeep_parts.hpp"
#include "server/base/repeated_error.hpp"
#include "server/labels/label_service.hpp"
#include "server/telemetry/batch_collector.hpp"
#include "server/telemetry/query/query_service.hpp"
#include "server/telemetry/stored/packing_service.hpp"
#include "server/telemetry/telemetry_intake.hpp"
#include "server/telemetry/telemetry_service.hpp"
#include "server/telemetry/window_news_service.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {

class TelemetryParts : public Capability {
 public:
  TelemetryParts(Platform& platform, UpkeepParts& upkeep, BrokerParts& broker, LeaderParts& leader,
                 MonitoringParts& monitoring, JudgingParts& judging);

  WorkerPool readers;
  TelemetryService telemetry;
  PackingService packing;
  WindowNews window_news;
  QueryService queries;
  LabelService labels;
  TelemetryIntake intake;
  BatchCollector collector;

  void start();

  void add_jobs(LeaderWork& leader) override;
  void add_routes(Router& router) override;
  void add_figures(Metrics& metrics) override;

 private:
  void feed(LeaderParts& leader, MonitoringParts& monitoring, JudgingParts& judging);
  void acknowledge(const std::string& device, const wire::TelemetryAck& ack);
  void refuse(const MessageId& message, const Error& error);

  Platform& platform_;
  BrokerParts& broker_;
  RepeatedError refusals_{"telemetry that is not taken"};
};

}  // namespace argosy::server
