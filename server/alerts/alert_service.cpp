#include "server/alerts/alert_service.hpp"

#include <set>
#include <utility>

#include "server/alerts/alert_store.hpp"
#include "server/db/db_pool.hpp"

namespace argosy::server {

namespace {

// A window may be committed some time after its device was marked as seen.
constexpr Duration sweep_overlap{10'000};

class Service final : public AlertService {
 public:
  Service(DbPool& db, AlertOptions options) : db_(db), options_(options) {}

  void take(const std::vector<StoredWindow>& windows) override {
    for (const auto& window : windows) due_.insert({window.device, window.model});
  }

  Task<Result<std::size_t>> tick(Instant now) override {
    if (!swept_at_ || now - *swept_at_ >= options_.sweep_interval) {
      auto sweep_task = sweep(now);
      const auto swept = co_await std::move(sweep_task);
      if (!swept) co_return swept.error();
    }
    auto windows_task = judge_windows(now);
    const auto windows = co_await std::move(windows_task);
    if (!windows) co_return windows.error();
    auto levels_task = db_.transact(JudgeLevels{now});
    const auto levels = co_await std::move(levels_task);
    if (!levels) co_return levels.error();
    auto identities_task = db_.transact(JudgeIdentities{now});
    const auto identities = co_await std::move(identities_task);
    if (!identities) co_return identities.error();
    co_return *windows + *levels + *identities;
  }

  Task<Result<AlertPage>> list(AlertQuery query) override {
    auto task = db_.transact(ReadAlerts{std::move(query)});
    co_return co_await std::move(task);
  }

  Task<Result<Alert>> acknowledge(std::int64_t id, std::string actor, Instant now) override {
    auto task = db_.transact(AcknowledgeAlert{id, std::move(actor), now});
    co_return co_await std::move(task);
  }

 private:
  Task<Result<void>> sweep(Instant now) {
    const Instant since = swept_at_ ? *swept_at_ - sweep_overlap : now - options_.longest_look;
    auto task = db_.transact(FindHeardDevices{since});
    auto pairs = co_await std::move(task);
    if (!pairs) co_return pairs.error();
    due_.insert(pairs->begin(), pairs->end());
    swept_at_ = now;
    co_return Result<void>{};
  }

  Task<Result<std::size_t>> judge_windows(Instant now) {
    std::vector<WatchedModel> due;
    while (!due_.empty() && due.size() < options_.per_tick)
      due.push_back(std::move(due_.extract(due_.begin()).value()));
    if (due.empty()) co_return std::size_t{0};
    auto task = db_.transact(JudgeWindows{due, options_, now});
    auto moved = co_await std::move(task);
    if (!moved) due_.insert(due.begin(), due.end());
    co_return moved;
  }

  DbPool& db_;
  AlertOptions options_;
  std::set<WatchedModel> due_;
  std::optional<Instant> swept_at_;
};

}  // namespace

std::unique_ptr<AlertService> create_alert_service(DbPool& db, AlertOptions options) {
  return std::make_unique<Service>(db, options);
}

}  // namespace argosy::server
