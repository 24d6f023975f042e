// Opens and closes alerts. The leader ticks it; what it needs lies in PostgreSQL, so that a new leader goes on in the
// middle of an episode. Coroutines on the I/O thread, SQL on the pool's threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/alerts/alert.hpp"
#include "server/http/router.hpp"
#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

class DbPool;

struct AlertOptions {
  LatencyRule latency{};
  AccuracyRule accuracy{};
  Duration longest_look{24 * 3'600'000};  // windows older than this are not news
  Duration sweep_interval{60'000};        // how often to look for devices that other instances heard
  std::size_t per_tick = 200;             // (device, model) pairs judged in one tick
};

struct AlertQuery {
  std::optional<std::string> state;  // "firing", "pending", "resolved", or "open" for the first two
  std::optional<std::string> device;
  std::optional<std::string> rule;
  std::optional<std::int64_t> before;  // ids under this
  std::size_t limit = 50;
};

struct AlertPage {
  std::vector<Alert> items;  // newest first
  std::int64_t total = 0;
};

class AlertService {
 public:
  virtual ~AlertService() = default;
  // Windows that were just stored: their devices are due. A listener of the telemetry service.
  virtual void take(const std::vector<StoredWindow>& windows) = 0;
  // Judges what is due, presence and drift, and writes alerts with the events `alert.firing` and `alert.resolved`.
  // Answers how many alerts moved. Call about once a second on the leader.
  virtual Task<Result<std::size_t>> tick(Instant now) = 0;
  virtual Task<Result<AlertPage>> list(AlertQuery query) = 0;
  // Errc::not_found, or Errc::illegal_transition when it is resolved. Acknowledging twice changes nothing.
  virtual Task<Result<Alert>> acknowledge(std::int64_t id, std::string actor, Instant now) = 0;
};

std::unique_ptr<AlertService> create_alert_service(DbPool& db, AlertOptions options = {});

}  // namespace argosy::server
