#include "server/telemetry/telemetry_service.hpp"

#include <iterator>
#include <optional>
#include <utility>

#include "server/db/db_pool.hpp"
#include "server/telemetry/partition_store.hpp"
#include "server/telemetry/series_store.hpp"
#include "server/telemetry/telemetry_store.hpp"

namespace argosy::server {

namespace {

// The database is not there or has no time: every half would fail as the whole did.
bool is_for_all(Errc code) {
  return code == Errc::unavailable || code == Errc::timeout || code == Errc::out_of_space || code == Errc::cancelled;
}

class Service final : public TelemetryService {
 public:
  Service(DbPool& db, TelemetryOptions options) : db_(db), options_(options) {}

  void add_listener(Listener listener) override { listeners_.push_back(std::move(listener)); }

  Task<Result<Acks>> ingest(std::vector<wire::TelemetryBatch> batches, Instant now) override {
    if (batches.empty()) co_return Acks{};
    auto stored_task = db_.transact(StoreTelemetry{batches, now, std::chrono::days(options_.retention_days)});
    auto stored = co_await std::move(stored_task);
    if (stored) {
      publish(*stored);
      co_return std::move(stored->acks);
    }
    if (is_for_all(stored.error().code)) co_return stored.error();
    if (batches.size() == 1) {
      ++counters_.batches_refused;
      co_return Acks{stored.error()};
    }
    auto halves_task = ingest_halves(std::move(batches), now);
    co_return co_await std::move(halves_task);
  }

  Task<Result<void>> tick(Instant now) override {
    if (kept_at_ && now - *kept_at_ < options_.upkeep_interval) co_return Result<void>{};
    auto kept_task = db_.transact(KeepPartitions{now, options_.partitions_ahead_days, options_.retention_days});
    auto kept = co_await std::move(kept_task);
    if (kept) kept_at_ = now;
    co_return kept;
  }

  Task<Result<Series>> series(SeriesQuery query) override {
    auto task = db_.transact(ReadSeries{std::move(query)});
    co_return co_await std::move(task);
  }

  Task<Result<std::vector<EpochIntegrity>>> integrity(std::string device) override {
    auto task = db_.transact(ReadIntegrity{std::move(device)});
    co_return co_await std::move(task);
  }

  TelemetryCounters counters() const override { return counters_; }

 private:
  // Finds the batch that the database refuses: the others are stored.
  Task<Result<Acks>> ingest_halves(std::vector<wire::TelemetryBatch> batches, Instant now) {
    const auto middle = batches.begin() + static_cast<std::ptrdiff_t>(batches.size() / 2);
    std::vector<wire::TelemetryBatch> second(std::make_move_iterator(middle), std::make_move_iterator(batches.end()));
    batches.erase(middle, batches.end());
    auto first_task = ingest(std::move(batches), now);
    auto first_acks = co_await std::move(first_task);
    if (!first_acks) co_return first_acks.error();
    auto second_task = ingest(std::move(second), now);
    auto second_acks = co_await std::move(second_task);
    if (!second_acks) co_return second_acks.error();
    first_acks->insert(first_acks->end(), second_acks->begin(), second_acks->end());
    co_return std::move(*first_acks);
  }

  void publish(const StoredTelemetry& stored) {
    counters_.records_stored += stored.counters.records_stored;
    counters_.records_repeated += stored.counters.records_repeated;
    counters_.records_lost += stored.counters.records_lost;
    counters_.records_refused += stored.counters.records_refused;
    counters_.forks += stored.counters.forks;
    counters_.batches_refused += stored.counters.batches_refused;
    counters_.malformed_histograms += stored.counters.malformed_histograms;
    if (stored.windows.empty()) return;
    for (const auto& listener : listeners_) listener(stored.windows);
  }

  DbPool& db_;
  TelemetryOptions options_;
  std::vector<Listener> listeners_;
  std::optional<Instant> kept_at_;
  TelemetryCounters counters_;
};

}  // namespace

std::unique_ptr<TelemetryService> create_telemetry_service(DbPool& db, TelemetryOptions options) {
  return std::make_unique<Service>(db, options);
}

}  // namespace argosy::server
