// The ways in over HTTP: for people and pipelines, for devices, for metrics. Made last and ends first. On the I/O
// thread; files are read on a worker.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "common/base/error.hpp"
#include "server/access/idempotency.hpp"
#include "server/app/parts/access_parts.hpp"
#include "server/app/parts/capability.hpp"
#include "server/app/parts/device_parts.hpp"
#include "server/app/parts/platform.hpp"
#include "server/app/parts/upkeep_parts.hpp"
#include "server/base/task.hpp"
#include "server/http/http_server.hpp"
#include "server/http/router.hpp"
#include "server/http/static_files.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {

class ListenerParts : public Capability {
 public:
  ListenerParts(Platform& platform, UpkeepParts& upkeep, DeviceParts& devices, AccessParts& access);

  WorkerPool file_reader;  // downloads
  StaticFiles dashboard;
  Router operator_router;
  Router device_router;
  Router metrics_router;
  Idempotency idempotency;
  std::unique_ptr<HttpServer> operator_server;
  std::unique_ptr<HttpServer> device_server;   // null: it is switched off
  std::unique_ptr<HttpServer> metrics_server;  // null: the operators' listener serves them

  void take(const Router& routes);  // of all parts; before the start
  Result<void> start();
  Task<void> stop(std::chrono::milliseconds grace);

  void add_figures(Metrics& metrics) override;

 private:
  Dispatcher dispatcher(const std::string& listener, const Router& router, const StaticFiles* files);
  Task<Result<Response>> within_budget(const Route& route, Request& request);

  Platform& platform_;
  QuarantineService& quarantine_;
  AccessParts& access_;
};

}  // namespace argosy::server
