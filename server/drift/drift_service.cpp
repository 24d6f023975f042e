#include "server/drift/drift_service.hpp"

#include <utility>

#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/drift/drift_store.hpp"
#include "server/telemetry/watch_tick.hpp"

namespace argosy::server {

namespace {

struct MakeJudgeDrift {
  EvidenceRule evidence;
  DriftRule rule;
  JudgeDrift operator()(std::vector<DuePair> due, Instant now) const { return {std::move(due), evidence, rule, now}; }
};

}  // namespace

DriftService::DriftService(DbPool& db, DriftOptions options)
    : db_(db), options_(std::move(options)), watch_(db, options_.watch) {}

void DriftService::take(const std::vector<StoredWindow>& windows, Instant now) {
  watch_.take(windows, now);
}

WatchFigures DriftService::watch_figures(Instant now) const {
  return watch_.figures(now);
}

Task<Result<std::size_t>> DriftService::tick(Instant now) {
  return watch_.tick(MakeJudgeDrift{options_.evidence, options_.rule}, now);
}

Task<Result<std::vector<FeatureDrift>>> DriftService::of_device(std::string device) {
  co_return co_await db_.transact<ReadDeviceDrift>(std::move(device), options_.evidence, options_.rule);
}

void add_metrics(Metrics& metrics, const DriftService& drift, std::function<bool()> leading) {
  add_watch_metrics(
      metrics, "drift", [&drift](Instant now) { return drift.watch_figures(now); }, std::move(leading));
}

}  // namespace argosy::server
