// Watches the inputs of models for drift. The leader ticks it; what it needs lies in PostgreSQL, so that a new leader
// goes on where the last one stopped. Coroutines on the I/O thread, SQL on the pool's threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"
#include "server/drift/drift.hpp"
#include "server/drift/evidence.hpp"
#include "server/telemetry/telemetry.hpp"
#include "server/telemetry/watch_service.hpp"

namespace argosy::server {

class DbPool;

struct DriftOptions {
  DriftRule rule{};
  EvidenceRule evidence{};
  // A device's model is judged once in an interval.
  WatchOptions watch{.name = "drift", .limits = {.interval = Duration{60'000}}};
};

struct FeatureDrift {  // one feature of one model on one device, for the screen
  std::string model;
  std::string version;
  std::string feature;
  DriftMeasures measures;
  bool drifted = false;
  DriftScope scope = DriftScope::none;
  Instant since{};
  Instant updated_at{};
  std::vector<double> edges;
  std::vector<std::uint64_t> reference;
  std::vector<std::uint64_t> present;
};

class DriftService {
 public:
  virtual ~DriftService() = default;
  // Windows that were just stored: their devices are due. A listener of the telemetry service.
  virtual void take(const std::vector<StoredWindow>& windows, Instant now) = 0;
  // Judges what is due and writes verdicts, with the events `drift.detected` and `drift.cleared`; answers how many
  // verdicts changed. Call about once a second on the leader.
  virtual Task<Result<std::size_t>> tick(Instant now) = 0;
  virtual WatchFigures watch_figures(Instant now) const = 0;
  virtual Task<Result<std::vector<FeatureDrift>>> of_device(std::string device) = 0;  // Errc::not_found
  virtual const DriftRule& rule() const = 0;
};

std::unique_ptr<DriftService> create_drift_service(DbPool& db, DriftOptions options = {});

}  // namespace argosy::server
