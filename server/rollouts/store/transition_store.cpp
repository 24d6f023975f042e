#include "server/rollouts/store/transition_store.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/db/rows.hpp"
#include "server/rollouts/core/rollout_effects.hpp"
#include "server/rollouts/core/state_sql.hpp"
#include "server/rollouts/store/decision_store.hpp"
#include "server/rollouts/store/device_rows_store.hpp"
#include "server/rollouts/store/newcomer_store.hpp"
#include "server/rollouts/store/target_store.hpp"

namespace argosy::server {
namespace {

constexpr std::int64_t devices_a_slice = 1000;  // told of a stop in one transaction

// The next devices behind `after` whose target is still the rollout's wish, locked.
std::vector<RolloutDevice> lock_targeted(pqxx::work& transaction, const RolloutRecord& record,
                                         const std::string& after) {
  static const std::string sql = "select " + rollout_device_columns + R"sql(
    from rollout_devices q
    join device_targets t on t.device_id = q.device_id and t.model = $2 and t.rollout_id = q.rollout_id
      and t.release_id = $3
    where q.rollout_id = $1 and q.state <> )sql" +
                                 sql_word(DeviceStep::queued) + R"sql( and q.device_id > $4
    order by q.device_id
    limit $5
    for update of q
  )sql";
  return rollout_devices_of(
      transaction.exec_params(sql, record.id, record.model, record.release_id, after, devices_a_slice));
}

std::string severity_of(RolloutState to) {
  if (to == RolloutState::halted || to == RolloutState::rolling_back) return "critical";
  return to == RolloutState::paused ? "warning" : "info";
}

bool ends_standing(RolloutState to) {
  return to == RolloutState::halted || to == RolloutState::rolling_back || to == RolloutState::rolled_back;
}

}  // namespace

void change_state(pqxx::work& transaction, const RolloutRecord& record, RolloutState to, const std::string& actor,
                  const Decision& decision, Instant now) {
  transaction.exec_params0(
      R"sql(
        update rollouts
        set state = $2, reason = $3, version = version + 1,
          promote_all = promote_all and $6, overrides_guards = overrides_guards and $6,
          started_at = case when $6 then coalesce(started_at, $4::timestamptz) else started_at end,
          ended_at = case when $5 then $4::timestamptz end,
          standing = standing and not $7, stands_since = case when $7 then null else stands_since end,
          stands_looked_up_to = case when $7 then null else stands_looked_up_to end
        where id = $1
      )sql",
      record.id, std::string(to_string(to)), decision.message, now, has_ended(to), to == RolloutState::running,
      ends_standing(to));
  log_decision(transaction, record, actor, decision, now, severity_of(to), "rollout." + std::string(to_string(to)));
  if (to == RolloutState::halted || to == RolloutState::rolling_back) tell_of_stop(transaction, record, to, "", now);
  if (ends_standing(to) || to == RolloutState::paused) look_for_newcomers_again(transaction, record.model);
}

void tell_of_stop(pqxx::work& transaction, const RolloutRecord& record, RolloutState to, const std::string& after,
                  Instant now) {
  const auto rows = lock_targeted(transaction, record, after);
  const auto effects = effects_of_stop(rows, to, record.id, now);
  set_targets(transaction, record.model, effects.targets, now, DueClass::stop);
  move_devices(transaction, record.id, effects.moves);
  const bool all_told = rows.size() < static_cast<std::size_t>(devices_a_slice);
  transaction.exec_params0("update rollouts set told_up_to = $2 where id = $1", record.id,
                           all_told ? std::optional<std::string>() : std::optional(rows.back().device));
}

void open_wave(pqxx::work& transaction, const RolloutRecord& record, int wave, const std::string& actor,
               const Decision& decision, Instant now) {
  transaction.exec_params0("update rollout_waves set passed_at = $3::timestamptz where rollout_id = $1 and wave = $2",
                           record.id, record.wave, now);
  transaction.exec_params0("update rollout_waves set opened_at = $3::timestamptz where rollout_id = $1 and wave = $2",
                           record.id, wave, now);
  transaction.exec_params0("update rollouts set wave = $2, version = version + 1 where id = $1", record.id, wave);
  log_decision(transaction, record, actor, decision, now);
}

}  // namespace argosy::server
