#include "server/telemetry/telemetry_service.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <spdlog/spdlog.h>

#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/db/unless_held.hpp"
#include "server/telemetry/integrity_store.hpp"
#include "server/telemetry/partition_store.hpp"
#include "server/telemetry/series_store.hpp"
#include "server/telemetry/stored/closing_store.hpp"
#include "server/telemetry/telemetry_store.hpp"
#include "server/work/by_halves.hpp"

namespace argosy::server {

namespace {

using SharedBatch = std::shared_ptr<const wire::TelemetryBatch>;

// One transaction; the counters and the windows of those that are committed add up in `stored`.
struct StoreTogether {
  DbPool& db;
  StoredTelemetry& stored;
  Instant now;
  Duration retention;
  std::shared_ptr<const AlsoStored> also;
  KnownOutboxes& outboxes;
  Task<Result<TelemetryService::Acks>> operator()(std::vector<SharedBatch> batches) const {
    StoreTelemetry together{std::move(batches), now, retention, also};
    for (const auto& batch : together.batches)
      if (const auto* known = outboxes.find(batch->device)) together.known.emplace(batch->device, *known);
    return store(*this, std::move(together));
  }
  static Task<Result<TelemetryService::Acks>> store(StoreTogether self, StoreTelemetry together) {
    auto& [db, stored, now, retention, also, outboxes] = self;
    // An outcome that is unknown leaves a guess that is wrong, which costs the next batch a question.
    ARGOSY_CO_TRY(StoredTelemetry part, co_await db.transact(std::move(together)));
    for (auto& [device, outbox] : part.known) outboxes.learn(device, std::move(outbox));
    stored.counters += part.counters;
    stored.taken.windows.insert(stored.taken.windows.end(), std::make_move_iterator(part.taken.windows.begin()),
                                std::make_move_iterator(part.taken.windows.end()));
    stored.taken.health.insert(stored.taken.health.end(), std::make_move_iterator(part.taken.health.begin()),
                               std::make_move_iterator(part.taken.health.end()));
    co_return std::move(part.acks);
  }
};

void say_held(const std::string& what) {
  spdlog::warn(
      "telemetry upkeep: {} stay as they are for now: somebody reads them, a backup or a session that forgot "
      "to end its transaction",
      what);
}

}  // namespace

void TelemetryService::also_store(AlsoStored also) {
  also_ = std::make_shared<const AlsoStored>(std::move(also));
}

Task<Result<TelemetryService::Acks>> TelemetryService::ingest(std::vector<wire::TelemetryBatch> batches, Instant now) {
  if (batches.empty()) co_return Acks{};
  std::vector<std::string> devices;
  for (const auto& batch : batches) devices.push_back(batch.device);
  StoredTelemetry stored;
  const StoreTogether store{db_, stored, now, std::chrono::days(options_.retention_days), also_, outboxes_};
  std::vector<SharedBatch> shared;
  shared.reserve(batches.size());
  for (auto& batch : batches) shared.push_back(std::make_shared<const wire::TelemetryBatch>(std::move(batch)));
  auto acks = co_await take_by_halves<wire::TelemetryAck>(std::move(shared), store);
  publish(stored);
  std::set<std::string> in_doubt;
  for (std::size_t i = 0; i < acks.size(); ++i) {
    if (!acks[i] && is_for_all(acks[i].error().code)) in_doubt.insert(devices[i]);
  }
  if (doubt_listener_ && !in_doubt.empty()) doubt_listener_(in_doubt);
  const bool nothing =
      std::all_of(acks.begin(), acks.end(), [](const auto& ack) { return !ack && is_for_all(ack.error().code); });
  if (nothing) co_return acks.front().error();
  for (const auto& ack : acks) counters_.batches_refused += !ack && !is_for_all(ack.error().code) ? 1 : 0;
  co_return acks;
}

Task<Result<void>> TelemetryService::tick(Instant now) {
  auto closed = co_await db_.transact<CloseHours>(now, options_.pack_after);
  ARGOSY_CO_TRY(const bool are_closed, unless_held(std::move(closed)));
  if (!are_closed) say_held("hours that are over");
  if (kept_at_ && now - *kept_at_ < options_.upkeep_interval) co_return Result<void>{};
  auto past = co_await db_.transact<KeepPartitions>(now, options_.partitions_ahead_days, options_.retention_days,
                                                    options_.hours_retention_days, options_.days_retention_days);
  if (!past && past.error().code == Errc::timeout) {
    say_held("days that wait to be made");
    co_return Result<void>{};
  }
  if (!past) co_return past.error();
  if (past->empty()) kept_at_ = now;
  for (auto& each : *past) {
    const std::string table = each.table;
    auto dropped = co_await db_.transact<DropPartitions>(std::move(each));
    ARGOSY_CO_TRY(const bool are_dropped, unless_held(std::move(dropped)));
    if (!are_dropped) say_held("days of " + table + " that are past their retention");
  }
  co_return Result<void>{};
}

Task<Result<Series>> TelemetryService::series(SeriesQuery query) {
  co_return co_await db_.transact<ReadSeries>(std::move(query));
}

Task<Result<std::vector<EpochIntegrity>>> TelemetryService::integrity(std::string device) {
  co_return co_await db_.transact<ReadIntegrity>(std::move(device));
}

void TelemetryService::publish(const StoredTelemetry& stored) {
  counters_ += stored.counters;
  if (!stored.taken.health.empty() && health_listener_) health_listener_(stored.taken.health);
  if (stored.taken.windows.empty()) return;
  for (const auto& listener : listeners_) listener(stored.taken.windows);
}

void add_metrics(Metrics& metrics, const TelemetryService& telemetry) {
  metrics.sampled_counter("argosy_telemetry_records_stored_total", "Records stored",
                          [&telemetry] { return telemetry.counters().records_stored; });
  metrics.sampled_counter("argosy_telemetry_records_repeated_total", "Records sent again by devices",
                          [&telemetry] { return telemetry.counters().records_repeated; });
  metrics.sampled_counter("argosy_telemetry_records_lost_total", "Records dropped by devices",
                          [&telemetry] { return telemetry.counters().records_lost; });
  metrics.sampled_counter("argosy_telemetry_records_refused_total",
                          "Records that devices set aside because they are refused",
                          [&telemetry] { return telemetry.counters().records_refused; });
  metrics.sampled_counter("argosy_telemetry_forks_total", "Outboxes that were restored from an older image, or copied",
                          [&telemetry] { return telemetry.counters().forks; });
  metrics.sampled_counter("argosy_telemetry_batches_refused_total", "Batches refused",
                          [&telemetry] { return telemetry.counters().batches_refused; });
}

}  // namespace argosy::server
