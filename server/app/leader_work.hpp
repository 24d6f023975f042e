// What only one instance does at a time: the broker, presence, rollouts, drift, alerts, the demand for patches, and the
// clearing away. Starts when this instance takes the lead and stops when it loses it. On the I/O thread.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "server/access/access_service.hpp"
#include "server/access/audit_service.hpp"
#include "server/alerts/alert_service.hpp"
#include "server/app/config.hpp"
#include "server/app/periodic.hpp"
#include "server/devices/presence_service.hpp"
#include "server/drift/drift_service.hpp"
#include "server/models/patch_service.hpp"
#include "server/mqtt/mqtt_client.hpp"
#include "server/rollouts/desired_service.hpp"
#include "server/rollouts/rollout_driver.hpp"
#include "server/rollouts/rollout_service.hpp"
#include "server/telemetry/telemetry_service.hpp"

namespace argosy::server {

class LeaderWork {
 public:
  struct Parts {
    AccessService& access;
    AlertService& alerts;
    AuditService& audit;
    DesiredService& desired;
    DriftService& drift;
    PatchService& patches;
    PresenceService& presence;
    RolloutService& rollouts;
    TelemetryService& telemetry;
    MqttClient* mqtt;  // null when it is switched off
  };
  struct Rhythm {
    Duration presence, rollouts, drift, alerts;
  };
  LeaderWork(boost::asio::any_io_executor io, Parts parts, Rhythm rhythm)
      : io_(std::move(io)), parts_(parts), rhythm_(rhythm) {}

  void start();
  void stop();
  bool leading() const { return leading_; }
  // The broker is there (again): it may have forgotten what it kept, and silence before now means nothing.
  void broker_is_back();

 private:
  void start_driver();
  Task<Result<void>> publish(std::string topic, std::string payload);

  boost::asio::any_io_executor io_;
  Parts parts_;
  Rhythm rhythm_;
  bool leading_ = false;
  std::unique_ptr<Periodic> periodic_;
  std::shared_ptr<RolloutDriver> driver_;
  RepeatedError driver_errors_{"rollouts"};
};

}  // namespace argosy::server
