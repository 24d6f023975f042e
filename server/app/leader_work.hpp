// What only one instance does at a time: the broker, presence, rollouts, drift, alerts, the demand for patches, and the
// clearing away. Starts when this instance takes the lead and stops when it loses it. On the I/O thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "server/access/access_service.hpp"
#include "server/access/audit_service.hpp"
#include "server/alerts/alert_service.hpp"
#include "server/app/config.hpp"
#include "server/base/loop.hpp"
#include "server/base/task.hpp"
#include "server/db/fence.hpp"
#include "server/devices/device_service.hpp"
#include "server/devices/presence_service.hpp"
#include "server/drift/drift_service.hpp"
#include "server/models/patch_service.hpp"
#include "server/mqtt/mqtt_client.hpp"
#include "server/retention/retention_service.hpp"
#include "server/rollouts/desired/desired_service.hpp"
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
    DeviceService& devices;
    DriftService& drift;
    PatchService& patches;
    PresenceService& presence;
    RetentionService& retention;
    RolloutService& rollouts;
    TelemetryService& telemetry;
    MqttClient* mqtt;  // null when it is switched off
  };
  struct Rhythm {
    Duration presence, rollouts, drift, alerts;
  };
  LeaderWork(boost::asio::any_io_executor io, Parts parts, Rhythm rhythm, LoopObserver observe)
      : io_(std::move(io)), parts_(parts), rhythm_(rhythm), observe_(std::move(observe)) {}

  // Its loops, and all they do, are within the fence: they write nothing when another leads.
  void start(Fence fence);
  void stop();
  Task<void> ended();  // after stop(): resumes when no round is under way any more
  bool leading() const { return term_ != nullptr; }
  // The broker is there (again): it may have forgotten what it kept, and silence before now means nothing.
  void broker_is_back();

 private:
  struct Term;  // of leading: from start() to stop()
  void start_loops();
  static Task<void> end(std::shared_ptr<Term> term);
  Task<Result<void>> publish(std::string topic, std::string payload);

  boost::asio::any_io_executor io_;
  Parts parts_;
  Rhythm rhythm_;
  LoopObserver observe_;
  std::shared_ptr<Term> term_;
  std::weak_ptr<Term> ending_;  // the last term, while a round of it is under way
};

}  // namespace argosy::server
