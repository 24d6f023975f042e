// The figures of the parts that keep their own counters, for /metrics.
#pragma once

#include <functional>

#include "server/alerts/alert_service.hpp"
#include "server/app/state_intake.hpp"
#include "server/base/loop.hpp"
#include "server/db/db_pool.hpp"
#include "server/devices/presence_service.hpp"
#include "server/devices/revocation_service.hpp"
#include "server/devices/standing_service.hpp"
#include "server/drift/drift_service.hpp"
#include "server/http/http_server.hpp"
#include "server/http/metrics.hpp"
#include "server/models/patch_service.hpp"
#include "server/mqtt/mqtt_client.hpp"
#include "server/retention/retention_service.hpp"
#include "server/rollouts/desired/desired_service.hpp"
#include "server/telemetry/batch_collector.hpp"
#include "server/telemetry/telemetry_service.hpp"

namespace argosy::server {

struct ServerMetricsSources {  // all outlive the metrics
  DbPool& db;
  DesiredService& desired;
  QuarantineService& quarantine;
  StateIntake& states;
  BatchCollector& collector;
  PatchService& patches;
  PresenceService& presence;
  RetentionService& retention;
  StandingService* standing;
  TelemetryService& telemetry;
  DriftService& drift;
  AlertService& alerts;
  HttpServer& operator_server;
  HttpServer* device_server;
  MqttClient* mqtt;
  RevocationService* revocation;
  std::function<bool()> leading;
};

// Puts what a loop tells of its rounds under its name. The metrics outlive the loops.
LoopObserver loop_observer(Metrics& metrics);

void add_server_metrics(Metrics& metrics, const ServerMetricsSources& sources);

}  // namespace argosy::server
