#include "server/alerts/alert_service.hpp"

#include <chrono>
#include <utility>

#include "server/alerts/alert_store.hpp"
#include "server/db/db_pool.hpp"

namespace argosy::server {

namespace {

struct MakeJudgeWindows {
  WindowRules rules;
  JudgeWindows operator()(std::vector<DuePair> due, Instant now) const { return {std::move(due), rules, now}; }
};

class Service final : public AlertService {
 public:
  Service(DbPool& db, AlertOptions options) : db_(db), options_(std::move(options)), watch_(db, options_.watch) {}

  void take(const std::vector<StoredWindow>& windows, Instant now) override { watch_.take(windows, now); }

  WatchFigures watch_figures(Instant now) const override { return watch_.figures(now); }

  // Levels first: they are few, and windows that cannot be judged must not hold them up.
  Task<Result<std::size_t>> tick(Instant now) override {
    const auto levels = co_await judge_levels(now);
    auto windows_task = watch_.tick(MakeJudgeWindows{options_.rules}, now);
    const auto windows = co_await std::move(windows_task);
    const auto identities = co_await db_.transact<JudgeIdentities>(now);
    if (!levels) co_return levels.error();
    if (!windows) co_return windows.error();
    if (!identities) co_return identities.error();
    co_return *windows + *levels + *identities;
  }

  Task<Result<AlertPage>> list(AlertQuery query) override {
    co_return co_await db_.transact<ReadAlerts>(std::move(query));
  }

  Task<Result<Alert>> acknowledge(std::int64_t id, std::string actor, Instant now) override {
    co_return co_await db_.transact<AcknowledgeAlert>(id, std::move(actor), now);
  }

 private:
  Task<Result<std::size_t>> judge_levels(Instant now) {
    const auto began = std::chrono::steady_clock::now();
    std::size_t moved = 0;
    while (true) {
      ARGOSY_CO_TRY(const auto judged, co_await db_.transact<JudgeLevels>(options_.levels_at_once, now));
      moved += judged.moved;
      const bool is_over = std::chrono::steady_clock::now() - began >= options_.watch.budget;
      if (is_over || judged.taken < options_.levels_at_once) co_return moved;
    }
  }

  DbPool& db_;
  AlertOptions options_;
  Watch watch_;
};

}  // namespace

std::unique_ptr<AlertService> create_alert_service(DbPool& db, AlertOptions options) {
  return std::make_unique<Service>(db, std::move(options));
}

}  // namespace argosy::server
