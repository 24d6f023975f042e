#include "server/rollouts/planning_service.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "server/db/db_pool.hpp"
#include "server/rollouts/store/planning_store.hpp"

namespace argosy::server {
namespace {

// The last `most` of a list, taken out of it.
template <class T>
std::vector<T> take_last(std::vector<T>& list, std::size_t most) {
  const auto from = list.end() - static_cast<std::ptrdiff_t>(std::min(most, list.size()));
  std::vector<T> taken(std::make_move_iterator(from), std::make_move_iterator(list.end()));
  list.erase(from, list.end());
  return taken;
}

}  // namespace

struct PlanningService::Work {
  std::int64_t rollout = 0;
  int attempt = 0;
  PlanDifference left;
};

PlanningService::PlanningService(DbPool& db) : db_(db) {}
PlanningService::~PlanningService() = default;

Task<Result<PlanningService::Step>> PlanningService::step(Instant now) {
  if (!work_) return begin();
  if (work_->left.set.empty() && work_->left.gone.empty()) return finish(now);
  return write();
}

Task<Result<PlanningService::Step>> PlanningService::begin() {
  ARGOSY_CO_TRY(auto claim, co_await db_.transact<ClaimPlan>());
  if (!claim) co_return Step::idle;
  auto work = std::make_unique<Work>();
  work->rollout = claim->record.id;
  work->attempt = claim->attempt;
  ARGOSY_CO_TRY(work->left, co_await db_.transact<ComparePlan>(std::move(*claim)));
  work_ = std::move(work);
  co_return Step::written;
}

Task<Result<PlanningService::Step>> PlanningService::write() {
  auto work = std::move(work_);  // after an error the plan is begun anew
  auto gone = take_last(work->left.gone, piece);
  auto set = take_last(work->left.set, piece - gone.size());
  ARGOSY_CO_TRY(const bool goes_on,
                co_await db_.transact<WritePiece>(work->rollout, work->attempt, std::move(set), std::move(gone)));
  if (goes_on) work_ = std::move(work);
  co_return Step::written;
}

Task<Result<PlanningService::Step>> PlanningService::finish(Instant now) {
  const auto work = std::move(work_);
  ARGOSY_CO_TRY(const bool finished, co_await db_.transact<FinishPlan>(work->rollout, work->attempt, now));
  co_return finished ? Step::finished : Step::written;
}

}  // namespace argosy::server
