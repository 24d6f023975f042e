// People, programs and devices as callers: who they are, what they may, what they did, and the end of what goes on
// when their right ends. On the I/O thread; passwords are hashed on a worker.
#pragma once

#include <memory>

#include "server/access/access_service.hpp"
#include "server/access/audit_service.hpp"
#include "server/access/authenticator.hpp"
#include "server/app/parts/capability.hpp"
#include "server/app/parts/device_parts.hpp"
#include "server/app/parts/platform.hpp"
#include "server/db/notifications.hpp"
#include "server/http/open_exchanges.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {

class AccessParts : public Capability {
 public:
  AccessParts(Platform& platform, DeviceParts& devices);

  WorkerPool password_worker;
  AccessService access;
  AuditService audit;
  Authenticator authenticator;
  OpenExchanges exchanges;

  // A right that ends, whoever ended it on whichever instance, ends what goes on under it here.
  void start();
  void request_stop();

  void add_jobs(LeaderWork& leader) override;
  void add_routes(Router& router) override;
  void add_figures(Metrics& metrics) override;

 private:
  Platform& platform_;
  std::unique_ptr<Notifications> news_;
  std::unique_ptr<Loops> rounds_;  // what each instance does, whether it leads or not
};

}  // namespace argosy::server
