// Whether this instance leads, and what it does while it does. On the I/O thread; the lock is looked after by a thread
// of its own.
#pragma once

#include <memory>

#include "server/app/leader_work.hpp"
#include "server/app/parts/broker_parts.hpp"
#include "server/app/parts/capability.hpp"
#include "server/app/parts/device_parts.hpp"
#include "server/app/parts/platform.hpp"
#include "server/app/parts/rollout_parts.hpp"
#include "server/app/parts/upkeep_parts.hpp"
#include "server/db/session_lock.hpp"

namespace argosy::server {

class LeaderParts : public Capability {
 public:
  LeaderParts(Platform& platform, UpkeepParts& upkeep, BrokerParts& broker, DeviceParts& devices,
              RolloutParts& rollouts);

  LeaderWork work;
  bool leading() const { return work.leading(); }

  void start();         // stands for the lead
  void request_stop();  // another instance may take over at once

  void add_figures(Metrics& metrics) override;

 private:
  static Task<void> take_lead(LeaderParts& parts);

  Platform& platform_;
  QuarantineService& quarantine_;
  std::unique_ptr<SessionLock> lock_;
  bool holds_lock_ = false;
};

}  // namespace argosy::server
