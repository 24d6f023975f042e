#include "server/retention/retention_service.hpp"

#include <optional>
#include <utility>

#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/retention/retention_store.hpp"

namespace argosy::server {

Task<Result<std::size_t>> RetentionService::tick(Instant now) {
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

// Slice after slice until nothing is left or the time is up; then it is due again at once.
Task<Result<std::size_t>> RetentionService::apply(std::size_t turn, Instant now, Clock::time_point until) {
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

void add_metrics(Metrics& metrics, const RetentionService& retention) {
  metrics.sampled_counter("argosy_retention_removed_total", "Rows that went because they were old enough",
                          [&retention] {
                            std::uint64_t total = 0;
                            for (const auto& [table, removed] : retention.removed()) total += removed;
                            return total;
                          });
}

}  // namespace argosy::server
