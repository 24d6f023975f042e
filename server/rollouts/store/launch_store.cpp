#include "server/rollouts/store/launch_store.hpp"

#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/rollouts/store/canary_store.hpp"
#include "server/rollouts/store/plan_store.hpp"
#include "server/rollouts/store/rollout_rows_store.hpp"
#include "server/rollouts/store/transition_store.hpp"

namespace argosy::server {

Result<void> plan_again(pqxx::work& transaction, RolloutRecord& record, Instant now) {
  ARGOSY_CHECK(plan_now_or_later(transaction, record));
  ARGOSY_TRY(record, load_rollout(transaction, record.id, Lock::none));
  return tell_reach(transaction, record, now);
}

void launch(pqxx::work& transaction, const RolloutRecord& record, const std::string& actor, const std::string& rule,
            const std::string& how, Instant now) {
  transaction.exec_params0("update rollout_waves set opened_at = $2::timestamptz where rollout_id = $1 and wave = 0",
                           record.id, now);
  change_state(transaction, record, RolloutState::running, actor,
               {rule, "start", how + for_whom(record), nlohmann::json::object()}, now);
}

std::string for_whom(const RolloutRecord& record) {
  if (record.planning) return " for devices that are being planned";
  return " for " + std::to_string(situation_of(record).planned) + " devices, " +
         std::to_string(record.waves.front().planned) + " in the first wave";
}

Result<void> launch_scheduled(pqxx::work& transaction, RolloutRecord record, const Start& start,
                              const std::string& actor, Instant now) {
  ARGOSY_CHECK(plan_again(transaction, record, now));
  ARGOSY_TRY(std::string refused, find_canary_refusal(transaction, record));
  if (!record.planning && situation_of(record).planned == 0) refused = "no device matches the filter: start it again";
  if (refused.empty()) {
    launch(transaction, record, actor, "schedule", start.why, now);
    return {};
  }
  const Decision not_now{"schedule", "cancel", "its time came, and " + refused, nlohmann::json::object()};
  set_launch(transaction, record, std::nullopt, "");
  change_state(transaction, record, RolloutState::draft, actor, not_now, now);
  return {};
}

void set_launch(pqxx::work& transaction, const RolloutRecord& record, std::optional<Instant> start_at,
                const std::string& approved_by) {
  transaction.exec_params0("update rollouts set start_at = $2::timestamptz, approved_by = $3 where id = $1", record.id,
                           start_at, approved_by);
}

}  // namespace argosy::server
