// Rollouts: which devices are to run what, what each is told of it, and the evidence of what was decided. On the I/O
// thread.
#pragma once

#include "server/app/parts/capability.hpp"
#include "server/app/parts/device_parts.hpp"
#include "server/app/parts/model_parts.hpp"
#include "server/app/parts/platform.hpp"
#include "server/models/download_permits.hpp"
#include "server/rollouts/desired/desired_service.hpp"
#include "server/rollouts/evidence/evidence_service.hpp"
#include "server/rollouts/rollout_service.hpp"

namespace argosy::server {

class RolloutParts : public Capability {
 public:
  RolloutParts(Platform& platform, DeviceParts& devices, ModelParts& models);

  RolloutService rollouts;
  EvidenceService evidence;
  DesiredService desired;
  DownloadPermits permits;

  void add_routes(Router& router) override;
  void add_figures(Metrics& metrics) override;

 private:
  DeviceParts& devices_;
  ModelParts& models_;
};

}  // namespace argosy::server
