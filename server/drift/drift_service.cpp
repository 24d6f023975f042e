#include "server/drift/drift_service.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "server/db/db_pool.hpp"
#include "server/drift/drift_store.hpp"

namespace argosy::server {

namespace {

// A window may be committed some time after its device was marked as seen.
constexpr Duration sweep_overlap{10'000};

class Service final : public DriftService {
 public:
  Service(DbPool& db, DriftOptions options) : db_(db), options_(options) {}

  void take(const std::vector<StoredWindow>& windows) override {
    for (const auto& window : windows) heard({window.device, window.model});
  }

  Task<Result<std::size_t>> tick(Instant now) override {
    if (!swept_at_ || now - *swept_at_ >= options_.sweep_interval) {
      auto sweep_task = sweep(now);
      const auto swept = co_await std::move(sweep_task);
      if (!swept) co_return swept.error();
    }
    auto due = take_due(now);
    if (due.empty()) co_return std::size_t{0};
    const auto count = due.size();
    auto judge_task = db_.transact(JudgeDrift{due, options_, now});
    const auto judged = co_await std::move(judge_task);
    if (!judged) {
      for (auto& pair : due) heard(std::move(pair));
      co_return judged.error();
    }
    co_return count;
  }

  Task<Result<std::vector<FeatureDrift>>> of_device(std::string device) override {
    auto task = db_.transact(ReadDeviceDrift{std::move(device), options_.rule});
    co_return co_await std::move(task);
  }

  const DriftRule& rule() const override { return options_.rule; }

 private:
  struct Watch {
    bool is_heard = false;
    std::optional<Instant> judged_at;
  };

  void heard(ModelOnDevice pair) { watched_[std::move(pair)].is_heard = true; }

  Task<Result<void>> sweep(Instant now) {
    const Instant since = swept_at_ ? *swept_at_ - sweep_overlap : now - options_.longest_look;
    auto task = db_.transact(FindHeardModels{since});
    auto pairs = co_await std::move(task);
    if (!pairs) co_return pairs.error();
    for (auto& pair : *pairs) heard(std::move(pair));
    // Who said nothing between two sweeps is forgotten, so that the map holds no more than the fleet.
    std::erase_if(watched_, [&](const auto& entry) {
      return !entry.second.is_heard && entry.second.judged_at && now - *entry.second.judged_at > 2 * options_.interval;
    });
    swept_at_ = now;
    co_return Result<void>{};
  }

  std::vector<ModelOnDevice> take_due(Instant now) {
    std::vector<ModelOnDevice> due;
    for (auto& [pair, watch] : watched_) {
      if (due.size() >= options_.per_tick) break;
      if (!watch.is_heard || (watch.judged_at && now - *watch.judged_at < options_.interval)) continue;
      watch = {false, now};
      due.push_back(pair);
    }
    return due;
  }

  DbPool& db_;
  DriftOptions options_;
  std::map<ModelOnDevice, Watch> watched_;
  std::optional<Instant> swept_at_;
};

}  // namespace

std::unique_ptr<DriftService> create_drift_service(DbPool& db, DriftOptions options) {
  return std::make_unique<Service>(db, options);
}

}  // namespace argosy::server
