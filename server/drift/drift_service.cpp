#include "server/drift/drift_service.hpp"

#include <utility>

#include "server/db/db_pool.hpp"
#include "server/drift/drift_store.hpp"

namespace argosy::server {

namespace {

struct MakeJudgeDrift {
  EvidenceRule evidence;
  DriftRule rule;
  JudgeDrift operator()(std::vector<DuePair> due, Instant now) const { return {std::move(due), evidence, rule, now}; }
};

class Service final : public DriftService {
 public:
  Service(DbPool& db, DriftOptions options) : db_(db), options_(std::move(options)), watch_(db, options_.watch) {}

  void take(const std::vector<StoredWindow>& windows, Instant now) override { watch_.take(windows, now); }

  WatchFigures watch_figures(Instant now) const override { return watch_.figures(now); }

  Task<Result<std::size_t>> tick(Instant now) override {
    auto task = watch_.tick(MakeJudgeDrift{options_.evidence, options_.rule}, now);
    co_return co_await std::move(task);
  }

  Task<Result<std::vector<FeatureDrift>>> of_device(std::string device) override {
    co_return co_await db_.transact<ReadDeviceDrift>(std::move(device), options_.evidence, options_.rule);
  }

  const DriftRule& rule() const override { return options_.rule; }

 private:
  DbPool& db_;
  DriftOptions options_;
  Watch watch_;
};

}  // namespace

std::unique_ptr<DriftService> create_drift_service(DbPool& db, DriftOptions options) {
  return std::make_unique<Service>(db, std::move(options));
}

}  // namespace argosy::server
