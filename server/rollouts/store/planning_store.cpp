#include "server/rollouts/store/planning_store.hpp"

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/devices/filter.hpp"
#include "server/rollouts/store/canary_store.hpp"
#include "server/rollouts/store/decision_store.hpp"
#include "server/rollouts/store/reach_store.hpp"
#include "server/rollouts/store/rollout_rows_store.hpp"

namespace argosy::server {
namespace {

// Locks the rollout's row against its operators, as the rows' foreign key does, and then its plan: in the order of
// those.
bool lock_plan(pqxx::work& transaction, std::int64_t rollout, int attempt) {
  transaction.exec_params("select from rollouts where id = $1 for key share", rollout);
  return !transaction
              .exec_params("select from rollout_plans where rollout_id = $1 and attempt = $2 for update", rollout,
                           attempt)
              .empty();
}

bool is_stopped(pqxx::work& transaction, std::int64_t rollout) {
  const auto state = transaction.exec_params1("select state from rollouts where id = $1", rollout)[0];
  const auto is = enum_of(state, parse_rollout_state);
  return has_ended(is) || is == RolloutState::rolling_back;
}

Decision planned_decision(const RolloutRecord& record) {
  const auto planned = situation_of(record).planned;
  return {"plan",
          "planned",
          std::to_string(planned) + " devices, " + std::to_string(record.waves.front().planned) + " in the first wave",
          {{"planned", planned}}};
}

}  // namespace

std::optional<PlanClaim> ClaimPlan::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec("select rollout_id from rollout_plans order by rollout_id");
  for (const auto& row : rows) {
    const auto id = row[0].as<std::int64_t>();
    auto record = load_rollout(transaction, id, Lock::row);
    if (!record || !record->fault.empty() || !parse_filter(record->filter)) continue;
    const auto claimed = transaction.exec_params(
        R"sql(
          update rollout_plans
          set attempt = attempt + 1, done = 0, total = null
          where rollout_id = $1
          returning attempt
        )sql",
        id);
    if (!claimed.empty()) return PlanClaim{std::move(*record), claimed[0][0].as<int>()};
  }
  return std::nullopt;
}

Result<PlanDifference> ComparePlan::operator()(pqxx::work& transaction) const {
  ARGOSY_TRY(auto difference, compare_plan(transaction, claim.record));
  const auto done = difference.total - static_cast<std::int64_t>(difference.set.size());
  transaction.exec_params0("update rollout_plans set done = $3, total = $4 where rollout_id = $1 and attempt = $2",
                           claim.record.id, claim.attempt, done, difference.total);
  return difference;
}

bool WritePiece::operator()(pqxx::work& transaction) const {
  if (!lock_plan(transaction, rollout, attempt)) return false;
  if (is_stopped(transaction, rollout)) return true;  // nothing to write any more, but to finish
  write_plan(transaction, rollout, set, gone);
  transaction.exec_params0("update rollout_plans set done = done + $2 where rollout_id = $1", rollout,
                           static_cast<std::int64_t>(set.size()));
  return true;
}

Result<bool> FinishPlan::operator()(pqxx::work& transaction) const {
  ARGOSY_TRY(auto record, load_rollout(transaction, rollout, Lock::row));
  if (!lock_plan(transaction, rollout, attempt)) return false;
  const auto plan =
      transaction.exec_params1("delete from rollout_plans where rollout_id = $1 returning coalesce(total, 0)", rollout);
  ARGOSY_CHECK(count_plan(transaction, record, plan[0].as<std::int64_t>()));
  look_at_reach_again(transaction, rollout);
  ARGOSY_TRY(record, load_rollout(transaction, rollout, Lock::none));
  ARGOSY_CHECK(tell_reach(transaction, record, now));
  if (is_before_start(record.state)) return true;
  log_decision(transaction, record, "engine", planned_decision(record), now);
  return true;
}

}  // namespace argosy::server
