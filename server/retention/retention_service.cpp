#include "server/retention/retention_service.hpp"

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "server/db/db_pool.hpp"
#include "server/retention/retention_store.hpp"

namespace argosy::server {

namespace {

using Clock = std::chrono::steady_clock;

class SlicingRetentionService final : public RetentionService {
 public:
  SlicingRetentionService(DbPool& db, RetentionOptions options) : db_(db), options_(options) {}

  Task<Result<std::size_t>> tick(Instant now) override {
    const auto until = Clock::now() + options_.budget;
    std::size_t total = 0;
    std::optional<Error> failure;
    for (std::size_t looked_at = 0; looked_at < rules_.size() && Clock::now() < until; ++looked_at) {
      const std::size_t turn = std::exchange(next_, (next_ + 1) % rules_.size());
      if (now < due_[turn]) continue;
      const auto removed = co_await apply(turn, now, until);
      if (removed) total += *removed;
      if (!removed && !failure) failure = Error(removed.error()).within(rules_[turn].table);
    }
    if (failure) co_return std::move(*failure);
    co_return total;
  }

  const std::map<std::string, std::uint64_t>& removed() const override { return removed_; }

 private:
  // Slice after slice until nothing is left or the time is up; then it is due again at once.
  Task<Result<std::size_t>> apply(std::size_t turn, Instant now, Clock::time_point until) {
    const RetentionRule rule = rules_[turn];
    const Instant before = now - std::chrono::hours(24 * options_.days.*rule.days);
    std::size_t total = 0;
    while (Clock::now() < until) {
      ARGOSY_CO_TRY(const std::size_t removed, co_await db_.transact<RemoveOld>(rule, before, options_.slice));
      removed_[std::string(rule.table)] += removed;
      total += removed;
      if (removed > 0) continue;
      due_[turn] = now + rule.every;
      break;
    }
    co_return total;
  }

  DbPool& db_;
  RetentionOptions options_;
  std::span<const RetentionRule> rules_ = retention_rules();
  std::size_t next_ = 0;  // the rule whose turn it is
  std::vector<Instant> due_ = std::vector<Instant>(rules_.size());
  std::map<std::string, std::uint64_t> removed_;
};

}  // namespace

std::unique_ptr<RetentionService> create_retention_service(DbPool& db, RetentionOptions options) {
  return std::make_unique<SlicingRetentionService>(db, options);
}

}  // namespace argosy::server
