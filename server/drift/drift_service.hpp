// Watches the inputs of models for drift. The leader ticks it, and remembers of each pair what judging needs; what it
// wrote of that, and the windows since, lie in PostgreSQL, so that a new leader goes on where the last one stopped.
// Coroutines and the judging on the I/O thread, SQL on the pool's threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"
#include "server/drift/fleet_drift.hpp"
#include "server/drift/judgement.hpp"
#include "server/telemetry/telemetry.hpp"
#include "server/telemetry/watch_service.hpp"

namespace argosy::server {

class DbPool;
class Metrics;

struct DriftOptions {
  DriftRules rules{};
  // A device's model is judged once in an interval.
  // A pair that is not remembered is read with all its windows, some kilobytes each.
  WatchOptions watch{.name = "drift", .limits = {.interval = Duration{60'000}}, .batch = 64};
  Duration references_every{60'000};  // how long a release's reference may be out of date
  Duration hand_over_budget{3000};
};

struct FeatureDrift {  // one feature of one model on one device, for the screen
  std::string model;
  std::string version;
  std::string feature;
  FeatureVerdict said;
  std::optional<double> envelope;  // how far it lies beyond the release's reference, where that counts
  Instant since{};
  Instant updated_at{};
  std::vector<double> edges;
  std::vector<std::uint64_t> reference;  // of the release; empty: it has none
  std::vector<std::uint64_t> own;        // of the device's first days; empty while these last
  std::vector<std::uint64_t> last_year;  // of the same weeks of the year before; empty: there are none
  std::vector<std::uint64_t> present;
};

struct BrokenContract {
  std::string device;
  std::string model;
  std::string version;
  std::string breaches_json;  // [{feature, fault, value, message}]
  std::string message;
  Instant since{};
};

struct DeviceDrift {
  std::vector<FeatureDrift> features;
  std::vector<BrokenContract> contracts;  // that are broken
};

struct DriftedDevice {  // one feature that moved, for the list of the fleet
  std::string device;
  std::string model;
  std::string version;
  std::string feature;
  DriftVerdictKind kind = DriftVerdictKind::moved;
  DriftScope scope = DriftScope::none;
  double psi = 0;
  Instant since{};
};

struct FleetOfDrift {
  std::vector<FleetDrift> fleet;          // features that most devices show otherwise
  std::vector<DriftedDevice> devices;     // that drifted, then that moved; at most 1,000
  std::vector<BrokenContract> contracts;  // at most 1,000
};

class DriftService {
 public:
  explicit DriftService(DbPool& db, DriftOptions options = {});
  ~DriftService();

  // Windows that were just stored: their devices are due. A listener of the telemetry service.
  void take(const std::vector<TakenWindow>& windows, Instant now);
  // Windows that another instance stored.
  void take(const std::vector<UnheardPair>& pairs, Instant now);
  // It is not known whether something of these devices was stored.
  void doubt(const std::set<std::string>& devices, Instant now);
  // Judges what is due and writes verdicts, with the events `drift.detected` and `drift.cleared`; answers how many
  // verdicts changed. Call about once a second on the leader.
  Task<Result<std::size_t>> tick(Instant now);
  // Writes what is remembered, for some seconds at most, so that the next one to lead has less to read; and forgets it.
  // Once the ticks have ended.
  Task<Result<void>> hand_over(Instant now);
  WatchFigures watch_figures(Instant now) const;
  Task<Result<DeviceDrift>> of_device(std::string device);  // Errc::not_found
  Task<Result<FleetOfDrift>> of_fleet();
  const DriftRule& rule() const { return options_.rules.drift; }

 private:
  class DriftJudge;
  Task<Result<void>> refresh_references(Instant now);
  Task<Result<void>> restore_peers(Instant now);
  Task<Result<void>> write_fleet_news(Instant now);

  DbPool& db_;
  DriftOptions options_;
  Watch watch_;
  std::unique_ptr<DriftJudge> judge_;
  std::optional<Instant> references_read_at_;
  bool peers_restored_ = false;
};

// `leading`: whether this instance does.
void add_metrics(Metrics& metrics, const DriftService& drift, std::function<bool()> leading);

}  // namespace argosy::server
