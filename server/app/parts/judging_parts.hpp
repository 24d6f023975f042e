// What judges windows and health: drift, alerts, people's own rules, and what these rules do. Told of windows by
// TelemetryParts; what rules do is done by those whose it is. On the I/O thread.
#pragma once

#include "server/alerts/alert_service.hpp"
#include "server/app/parts/capability.hpp"
#include "server/app/parts/device_parts.hpp"
#include "server/app/parts/leader_parts.hpp"
#include "server/app/parts/platform.hpp"
#include "server/app/parts/rollout_parts.hpp"
#include "server/drift/drift_service.hpp"
#include "server/rules/reaction_service.hpp"
#include "server/rules/rule_service.hpp"

namespace argosy::server {

class JudgingParts : public Capability {
 public:
  JudgingParts(Platform& platform, DeviceParts& devices, RolloutParts& rollouts, LeaderParts& leader);

  DriftService drift;
  AlertService alerts;
  RuleService rules;
  ReactionService reactions;

  void add_jobs(LeaderWork& leader) override;
  void add_routes(Router& router) override;
  void add_figures(Metrics& metrics) override;

 private:
  Platform& platform_;
  LeaderParts& leader_;
};

}  // namespace argosy::server
