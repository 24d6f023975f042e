// What keeps the server itself well: messages that are not taken are held apart, and rows end with their time. On the
// I/O thread.
#pragma once

#include <memory>

#include "server/app/parts/capability.hpp"
#include "server/app/parts/platform.hpp"
#include "server/base/task.hpp"
#include "server/quarantine/quarantine_service.hpp"
#include "server/retention/retention_service.hpp"

namespace argosy::server {

class UpkeepParts : public Capability {
 public:
  explicit UpkeepParts(Platform& platform);

  QuarantineService quarantine;
  RetentionService retention;

  void start();
  Task<void> stop();

  void add_jobs(LeaderWork& leader) override;
  void add_routes(Router& router) override;
  void add_figures(Metrics& metrics) override;

 private:
  Platform& platform_;
  std::unique_ptr<Loop> loop_;  // on every instance
};

}  // namespace argosy::server
