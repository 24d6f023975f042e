#include "server/rollouts/store/advance_store.hpp"

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>
#include <pqxx/pqxx>

#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"
#include "server/rollouts/core/clock_sql.hpp"
#include "server/rollouts/core/state_sql.hpp"
#include "server/rollouts/store/decision_store.hpp"
#include "server/rollouts/store/device_rows_store.hpp"
#include "server/rollouts/store/join_store.hpp"
#include "server/rollouts/store/launch_store.hpp"
#include "server/rollouts/store/maintenance_store.hpp"
#include "server/rollouts/store/newcomer_store.hpp"
#include "server/rollouts/store/notify_store.hpp"
#include "server/rollouts/store/penalty_store.hpp"
#include "server/rollouts/store/rollout_rows_store.hpp"
#include "server/rollouts/store/snapshot_store.hpp"
#include "server/rollouts/store/transition_store.hpp"

namespace argosy::server {
namespace {

constexpr const char* engine = "engine";
constexpr int most_devices_at_once = 1000;  // devices in one transaction; the next round goes on

// Devices that were revoked since, and that the rollout has no outcome of.
std::vector<RolloutDevice> lock_revoked(pqxx::work& transaction, std::int64_t rollout, std::optional<Instant> since) {
  static const std::string sql = "select " + rollout_device_columns + R"sql(
    from rollout_devices q
    join devices d on d.id = q.device_id
    where d.revoked_at is not null and q.rollout_id = $1
      and d.revoked_at >= coalesce($2::timestamptz, '-infinity')
      and q.state not in ()sql" + sql_steps(is_terminal) +
                                 R"sql()
    order by q.device_id
    for update of q
  )sql";
  return rollout_devices_of(transaction.exec_params(sql, rollout, since));
}

// Found by the indexes on their clocks; which may have moved on by the time that the rows are locked.
std::vector<RolloutDevice> lock_late(pqxx::work& transaction, const RolloutRecord& record, const TimeOut& action) {
  const auto is_late = [](const ClockSql& clock) {
    return "(" + clock.runs + " and " + clock.since + " <= $2::timestamptz)";
  };
  const auto latest = [&](const ClockSql& clock) {
    return "(select q.device_id from rollout_devices q where q.rollout_id = $1 and " + is_late(clock) +
           " and ($4::text is null or exists (select from devices d where d.id = q.device_id and " + zone_sql("$5") +
           " = $4::text)) order by " + clock.since + " limit $3)";
  };
  static const std::string sql = "select " + rollout_device_columns + R"sql(
    from rollout_devices q
    where q.rollout_id = $1 and q.device_id in ()sql" +
                                 latest(clock_of_begun()) + " union all " + latest(clock_of_told()) + ") and (" +
                                 is_late(clock_of_begun()) + " or " + is_late(clock_of_told()) + R"sql()
    order by q.device_id
    limit $3
    for update of q
  )sql";
  return rollout_devices_of(transaction.exec_params(sql, record.id, action.started_by, most_devices_at_once,
                                                    action.zone, zone_parameter(record.policy)));
}

void append_time_out_event(pqxx::work& transaction, const RolloutRecord& record, const DeviceMove& move) {
  append_event(transaction, {.kind = "rollout.device",
                             .severity = "warning",
                             .device_id = move.device,
                             .rollout_id = record.id,
                             .model = record.model,
                             .message = move.device + ": " + move.to.message,
                             .details_json = nlohmann::json{{"cause", cause_timeout}}.dump()});
}

// Its release cannot be told to anybody: whoever looks after it should know.
Result<void> pause_for(pqxx::work& transaction, const AdvanceRollout& asked, const RolloutRecord& record,
                       const Error& error, Advance& advance) {
  const Decision decision{"fault", "pause", "nobody can be told: " + error.message, {{"error", error.message}}};
  change_state(transaction, record, RolloutState::paused, engine, decision, asked.now);
  advance.acted = true;
  advance.stopped = true;
  return {};
}

Result<void> apply(pqxx::work& transaction, const AdvanceRollout& asked, const RolloutRecord& record,
                   const Start& action, Advance& advance) {
  advance.acted = true;
  return launch_scheduled(transaction, record, action, engine, asked.now);
}

Result<void> apply(pqxx::work& transaction, const AdvanceRollout& asked, const RolloutRecord& record,
                   const Join& action, Advance& advance) {
  ARGOSY_CHECK(join_devices(transaction, record, action, asked.now));
  advance.acted = true;  // the next round does what this one left
  return {};
}

Result<void> apply(pqxx::work& transaction, const AdvanceRollout& asked, const RolloutRecord& record,
                   const Notify& action, Advance& advance) {
  auto telling = notify_devices(transaction, record, action, asked.now);
  if (!telling && record.state == RolloutState::running)
    return pause_for(transaction, asked, record, telling.error(), advance);
  ARGOSY_TRY(auto notified, std::move(telling));
  if (action.pace && notified.told > 0) {
    transaction.exec_params0("update rollouts set pace_spent_until = $2::timestamptz where id = $1", record.id,
                             spent_after(*action.pace, notified.told));
  }
  advance.notified += notified.devices;
  advance.acted |= notified.devices > 0;
  advance.wanted = std::move(notified.wanted);
  return {};
}

Result<void> apply(pqxx::work& transaction, const AdvanceRollout& asked, const RolloutRecord& record,
                   const TimeOut& action, Advance& advance) {
  const auto late = lock_late(transaction, record, action);
  const auto effects = effects_of_time_out(late, record.policy, asked.now);
  for (const auto& move : effects.moves) append_time_out_event(transaction, record, move);
  move_devices(transaction, record.id, effects.moves);
  advance.acted = true;
  return {};
}

Result<void> apply(pqxx::work& transaction, const AdvanceRollout& asked, const RolloutRecord& record,
                   const StartBake& action, Advance& advance) {
  transaction.exec_params0(
      "update rollout_waves set bake_started_at = $3::timestamptz where rollout_id = $1 and wave = $2", record.id,
      action.wave, asked.now);
  advance.acted = true;
  return {};
}

Result<void> apply(pqxx::work& transaction, const AdvanceRollout& asked, const RolloutRecord& record,
                   const OpenWave& action, Advance& advance) {
  open_wave(transaction, record, action.wave, engine, action.decision, asked.now);
  advance.acted = true;
  return {};
}

Result<void> apply(pqxx::work& transaction, const AdvanceRollout& asked, const RolloutRecord& record,
                   const ChangeState& action, Advance& advance) {
  change_state(transaction, record, action.to, engine, action.decision, asked.now);
  if (action.to == RolloutState::completed) {
    transaction.exec_params0("update rollout_waves set passed_at = $3::timestamptz where rollout_id = $1 and wave = $2",
                             record.id, record.wave, asked.now);
    if (record.standing) ARGOSY_CHECK(begin_to_stand(transaction, record, asked.now));
  }
  advance.acted = true;
  return {};
}

Result<void> apply(pqxx::work& transaction, const AdvanceRollout& asked, const RolloutRecord& record,
                   const TryAgain& action, Advance& advance) {
  const auto moves = effects_of_retry(lock_due_tries(transaction, record.id, asked.now)).moves;
  begin_next_attempt(transaction, record.id, moves);
  log_decision(transaction, record, engine, action.decision, asked.now);
  advance.acted = true;
  return {};
}

Result<void> apply(pqxx::work& transaction, const AdvanceRollout& asked, const RolloutRecord& record,
                   const StandDown& action, Advance& advance) {
  stand_down_by_itself(transaction, record, action.decision, asked.now);
  advance.acted = true;
  return {};
}

Result<void> apply(pqxx::work& transaction, const AdvanceRollout& asked, const RolloutRecord& record, const Dismiss&,
                   Advance& advance) {
  dismiss_newcomers(transaction, record, asked.now);
  advance.acted = true;
  return {};
}

// Failed devices that are to try again by themselves know when, before the gate looks at them.
void look_ahead(pqxx::work& transaction, const RolloutRecord& record) {
  const bool goes_on = record.state == RolloutState::running || record.stands_since;
  if (goes_on && failed(total_counts(record)) > 0) schedule_tries(transaction, record);
}

}  // namespace

Result<Advance> AdvanceRollout::operator()(pqxx::work& transaction) const {
  ARGOSY_TRY(auto record, load_rollout(transaction, id, Lock::row));
  Advance advance;
  if (record.told_up_to) {
    tell_of_stop(transaction, record, record.state, *record.told_up_to, now);
    advance.acted = true;
    return advance;
  }
  if (record.state == RolloutState::scheduled && record.start_at > now) return advance;
  if (record.planning && record.state != RolloutState::scheduled) return advance;
  Effects gone;  // of a rollout that is yet to start, its new plan leaves them out
  if (!is_before_start(record.state)) gone = effects_of_revocation(lock_revoked(transaction, id, revoked_since), now);
  if (!gone.moves.empty()) {
    move_devices(transaction, id, gone.moves);
    ARGOSY_TRY(record, load_rollout(transaction, id, Lock::none));
    advance.acted = true;
  }
  look_ahead(transaction, record);
  const auto actions = next_actions(load_snapshot(transaction, record, now), now);
  for (const auto& action : actions) {
    if (advance.stopped) break;  // what else was decided, was decided without knowing
    ARGOSY_CHECK(std::visit([&](const auto& one) { return apply(transaction, *this, record, one, advance); }, action));
  }
  keep_judged(transaction, record);
  return advance;
}

}  // namespace argosy::server
