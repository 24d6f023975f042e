// Watches the inputs of models for drift. The leader ticks it; what it needs lies in PostgreSQL, so that a new leader
// goes on where the last one stopped. Coroutines on the I/O thread, SQL on the pool's threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/drift/drift.hpp"
#include "server/http/router.hpp"
#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

class DbPool;

struct DriftOptions {
  DriftRule rule{};
  std::uint64_t samples = 2000;           // the rolling histogram holds the newest windows with about so many samples
  Duration longest_look{24 * 3'600'000};  // and none older than this
  std::size_t window_limit = 1440;        // nor more windows than this
  Duration interval{60'000};              // a device's model is judged once in so long
  Duration sweep_interval{60'000};        // how often to look for devices that other instances heard
  std::size_t per_tick = 200;             // judged in one tick
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
  virtual void take(const std::vector<StoredWindow>& windows) = 0;
  // Judges what is due and writes verdicts, with the events `drift.detected` and `drift.cleared`; answers how many
  // (device, model) pairs were judged. Call about once a second on the leader.
  virtual Task<Result<std::size_t>> tick(Instant now) = 0;
  virtual Task<Result<std::vector<FeatureDrift>>> of_device(std::string device) = 0;  // Errc::not_found
  virtual const DriftRule& rule() const = 0;
};

std::unique_ptr<DriftService> create_drift_service(DbPool& db, DriftOptions options = {});

}  // namespace argosy::server
