// Telemetry in and charts out. Coroutines on the I/O thread; the SQL runs on the pool's threads. Safe on several
// instances at once: cursors are locked in the database.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"
#include "server/telemetry/known_outboxes.hpp"
#include "server/telemetry/series.hpp"
#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

class DbPool;
class Metrics;
struct AlsoStored;
struct StoredTelemetry;

struct TelemetryOptions {
  int partitions_ahead_days = 3;
  int retention_days = 30;
  int hours_retention_days = 90;   // of windows added up by hours
  int days_retention_days = 1095;  // and by days
  Duration pack_after{600'000};    // the end of their hour, windows are packed
  Duration upkeep_interval{3'600'000};
};

struct TelemetryCounters {
  std::uint64_t records_stored = 0;
  std::uint64_t records_repeated = 0;
  std::uint64_t records_lost = 0;          // dropped by devices
  std::uint64_t records_refused = 0;       // set aside by devices, because the server refuses them for good
  std::uint64_t forks = 0;                 // outboxes that were restored or copied
  std::uint64_t batches_refused = 0;       // unknown or revoked device, or refused by the database
  std::uint64_t malformed_histograms = 0;  // windows stored without percentiles

  TelemetryCounters& operator+=(const TelemetryCounters& more) {
    records_stored += more.records_stored;
    records_repeated += more.records_repeated;
    records_lost += more.records_lost;
    records_refused += more.records_refused;
    forks += more.forks;
    batches_refused += more.batches_refused;
    malformed_histograms += more.malformed_histograms;
    return *this;
  }
};

class TelemetryService {
 public:
  using Listener = std::function<void(const std::vector<TakenWindow>&)>;
  using HealthListener = std::function<void(const std::vector<TakenHealth>&)>;
  using DoubtListener = std::function<void(const std::set<std::string>& devices)>;
  using Acks = std::vector<Result<wire::TelemetryAck>>;

  explicit TelemetryService(DbPool& db, TelemetryOptions options = {}) : db_(db), options_(options) {}

  // Called on the I/O thread after each commit with the windows that it stored. Set before the first ingest.
  void add_listener(Listener listener) { listeners_.push_back(std::move(listener)); }
  // The same with the health samples.
  void on_health(HealthListener listener) { health_listener_ = std::move(listener); }
  // Called on the I/O thread with devices of which something may have been stored, or not: the database went away.
  void on_doubt(DoubtListener listener) { doubt_listener_ = std::move(listener); }

  // Set before the first ingest.
  void also_store(AlsoStored also);

  // Stores what continues each device's cursor, all in one transaction, and answers in the order of `batches`: an ack,
  // or Errc::forbidden for a device that is unknown or revoked. A batch that the database refuses does not stop the
  // others. Where the database went away, batches that are not stored have its error, and the devices will send again;
  // an error of the whole: that is so of all.
  Task<Result<Acks>> ingest(std::vector<wire::TelemetryBatch> batches, Instant now);

  // Makes the partitions of hours and days to come, takes out hours that are over, and drops what is past its
  // retention. Call before the first ingest and about once a minute on the leader: days are looked at once an
  // upkeep_interval. What somebody reads for long is left for the next time, and no error: a server starts in spite of
  // it.
  Task<Result<void>> tick(Instant now);

  Task<Result<Series>> series(SeriesQuery query);  // Errc::not_found without such a device
  Task<Result<std::vector<EpochIntegrity>>> integrity(std::string device);
  TelemetryCounters counters() const { return counters_; }

 private:
  void publish(const StoredTelemetry& stored);

  DbPool& db_;
  TelemetryOptions options_;
  std::vector<Listener> listeners_;
  HealthListener health_listener_;
  DoubtListener doubt_listener_;
  std::shared_ptr<const AlsoStored> also_;
  KnownOutboxes outboxes_;
  std::optional<Instant> kept_at_;
  TelemetryCounters counters_;
};

void add_metrics(Metrics& metrics, const TelemetryService& telemetry);

}  // namespace argosy::server
