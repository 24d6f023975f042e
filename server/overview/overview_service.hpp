// Answers GET /overview: read at most once a second an instance, and no more than a tenth of the time, whoever asks.
// Coroutines on the I/O thread.
#pragma once

#include <chrono>
#include <memory>

#include "common/base/instant.hpp"
#include "server/base/task.hpp"
#include "server/overview/overview.hpp"

namespace argosy::server {

class DbPool;
class Router;

struct OverviewOptions {
  Duration fresh_for{1000};
  Duration latency_look{180'000};   // worst latency: windows no older than this
  Duration accuracy_look{300'000};  // worst accuracy: labels no older than this
  Duration rates_look{30'000};      // an instance that told longer ago how much it stores is gone
};

class OverviewService {
 public:
  explicit OverviewService(DbPool& db, OverviewOptions options = {}) : db_(db), options_(options) {}

  // A panel that cannot be read is among Overview::unavailable; the others are there.
  Task<std::shared_ptr<const Overview>> current(Instant now);

 private:
  using Clock = std::chrono::steady_clock;

  DbPool& db_;
  OverviewOptions options_;
  std::shared_ptr<const Overview> kept_;
  bool is_reading_ = false;
  Clock::time_point rests_until_{};
};

// GET /api/v1/overview. The service must outlive the router.
void add_overview_routes(Router& router, OverviewService& overview);

}  // namespace argosy::server
