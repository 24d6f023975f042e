#include "server/alerts/alert_service.hpp"

#include <chrono>
#include <utility>

#include "server/alerts/alert_store.hpp"
#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/telemetry/watch_tick.hpp"

namespace argosy::server {

namespace {

struct MakeJudgeWindows {
  WindowRules rules;
  JudgeWindows operator()(std::vector<DuePair> due, Instant now) const { return {std::move(due), rules, now}; }
};

}  // namespace

AlertService::AlertService(DbPool& db, AlertOptions options)
    : db_(db), options_(std::move(options)), watch_(db, options_.watch) {}

void AlertService::take(const std::vector<StoredWindow>& windows, Instant now) {
  watch_.take(windows, now);
}

WatchFigures AlertService::watch_figures(Instant now) const {
  return watch_.figures(now);
}

// Levels first: they are few, and windows that cannot be judged must not hold them up. An error of one kind does not
// keep the others from being judged.
Task<Result<std::size_t>> AlertService::tick(Instant now) {
  const auto levels = co_await judge_levels(now);
  const MakeJudgeWindows make{options_.rules};
  const auto windows = co_await watch_.tick(make, now);
  const auto identities = co_await db_.transact<JudgeIdentities>(now);
  if (!levels) co_return levels.error();
  if (!windows) co_return windows.error();
  if (!identities) co_return identities.error();
  co_return *windows + *levels + *identities;
}

Task<Result<AlertPage>> AlertService::list(AlertQuery query) {
  co_return co_await db_.transact<ReadAlerts>(std::move(query));
}

Task<Result<Alert>> AlertService::acknowledge(std::int64_t id, std::string actor, Instant now) {
  co_return co_await db_.transact<AcknowledgeAlert>(id, std::move(actor), now);
}

Task<Result<std::size_t>> AlertService::judge_levels(Instant now) {
  const auto began = std::chrono::steady_clock::now();
  std::size_t moved = 0;
  while (true) {
    ARGOSY_CO_TRY(const auto judged, co_await db_.transact<JudgeLevels>(options_.levels_at_once, now));
    moved += judged.moved;
    const bool is_over = std::chrono::steady_clock::now() - began >= options_.watch.budget;
    if (is_over || judged.taken < options_.levels_at_once) co_return moved;
  }
}

void add_metrics(Metrics& metrics, const AlertService& alerts, std::function<bool()> leading) {
  add_watch_metrics(
      metrics, "alerts", [&alerts](Instant now) { return alerts.watch_figures(now); }, std::move(leading));
}

}  // namespace argosy::server
