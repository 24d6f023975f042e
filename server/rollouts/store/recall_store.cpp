#include "server/rollouts/store/recall_store.hpp"

#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"
#include "server/rollouts/core/state_sql.hpp"
#include "server/rollouts/store/release_rows_store.hpp"
#include "server/rollouts/store/rollout_rows_store.hpp"
#include "server/rollouts/store/transition_store.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

struct Kept {
  Withdrawal withdrawal;
  bool is_new = false;
};

void announce(pqxx::work& transaction, const RecallCall& call, const char* action, const char* event,
              const char* severity, const std::string& message, const Json& details) {
  append_audit(transaction, call.actor, action, "release/" + call.model + "/" + call.version, details.dump());
  append_event(transaction, {.kind = event,
                             .severity = severity,
                             .device_id = std::nullopt,
                             .rollout_id = std::nullopt,
                             .model = call.model,
                             .message = message,
                             .details_json = Json{{"version", call.version}}.dump()});
}

// The second of two at once waits here for the first, and finds its withdrawal.
Kept keep_withdrawal(pqxx::work& transaction, std::int64_t release, const RecallCall& call, Instant now) {
  const auto made = transaction.exec_params(
      R"sql(
        insert into release_withdrawals (release_id, at, actor, reason)
        values ($1, $2::timestamptz, $3, $4)
        on conflict (release_id) do nothing
        returning 1
      )sql",
      release, now, call.actor, call.reason);
  const auto row =
      transaction.exec_params1("select at, actor, reason from release_withdrawals where release_id = $1", release);
  return {{row["at"].as<Instant>(), row["actor"].as<std::string>(), row["reason"].as<std::string>()}, !made.empty()};
}

std::int64_t count_running(pqxx::work& transaction, const RecallCall& call) {
  return transaction
      .exec_params1(
          R"sql(
            select coalesce(sum(devices), 0)::bigint
            from fleet_totals
            where kind = 'model' and name = $1 and value = $2
          )sql",
          call.model, call.version)[0]
      .as<std::int64_t>();
}

std::vector<std::int64_t> rollouts_of(pqxx::work& transaction, std::int64_t release) {
  std::vector<std::int64_t> ids;
  for (const auto& row : transaction.exec_params("select id from rollouts where release_id = $1 order by id", release))
    ids.push_back(row[0].as<std::int64_t>());
  return ids;
}

// Devices whose target is still the rollout's wish, and that go back when it does: as effects_of_stop decides.
std::int64_t count_going_back(pqxx::work& transaction, const RolloutRecord& record) {
  static const std::string sql = R"sql(
    select count(*)
    from rollout_devices q
    join device_targets t on t.device_id = q.device_id and t.model = $2 and t.rollout_id = q.rollout_id
      and t.release_id = $3
    where q.rollout_id = $1 and q.previous_release_id is not null and (
        q.state in ()sql" + sql_steps(is_in_progress) +
                                 R"sql()
        or (q.state = )sql" + sql_word(DeviceStep::succeeded) +
                                 " and q.cause is distinct from " + sql_word(cause_already_installed) + R"sql()
        or (q.state = )sql" + sql_word(DeviceStep::failed) +
                                 " and q.cause = " + sql_word(cause_timeout) + R"sql()
      )
  )sql";
  return transaction.exec_params1(sql, record.id, record.model, record.release_id)[0].as<std::int64_t>();
}

// Serves it, and no rollout that goes back has a release for it to go back to.
const std::string& helpless_devices() {
  static const std::string sql = R"sql(
    from device_models m
    join devices d on d.id = m.device_id and d.revoked_at is null
    where m.model = $1 and m.version = $2 and not exists (
      select
      from rollout_devices q
      join rollouts r on r.id = q.rollout_id
      where q.device_id = m.device_id and r.release_id = $3 and q.previous_release_id is not null
        and r.state in ()sql" + sql_word(RolloutState::rolling_back) +
                                 ", " + sql_word(RolloutState::rolled_back) + R"sql()
    )
  )sql";
  return sql;
}

void find_helpless(pqxx::work& transaction, std::int64_t release, Recalled& answer) {
  answer.helpless =
      transaction.exec_params1("select count(*) " + helpless_devices(), answer.model, answer.version, release)[0]
          .as<std::int64_t>();
  if (answer.helpless == 0) return;
  const auto rows =
      transaction.exec_params("select m.device_id " + helpless_devices() + " order by m.device_id limit $4",
                              answer.model, answer.version, release, static_cast<std::int64_t>(most_helpless_named));
  for (const auto& row : rows) answer.first_helpless.push_back(row[0].as<std::string>());
}

RecalledRollout roll_back(pqxx::work& transaction, const RecallCall& call, const RolloutRecord& record, Instant now,
                          bool& acted) {
  RecalledRollout outcome{record.id, record.name, record.state, "", 0};
  if (const auto reason = refusal(Operation::rollback, situation_of(record))) {
    outcome.did = *reason;
    return outcome;
  }
  outcome.going_back = count_going_back(transaction, record);
  outcome.did = "it is rolled back";
  const Decision decision{
      "recall", "roll back", "recalled by " + call.actor + ": " + call.reason, {{"devices", outcome.going_back}}};
  change_state(transaction, record, RolloutState::rolling_back, call.actor, decision, now);
  acted = true;
  return outcome;
}

}  // namespace

Result<Recalled> WithdrawRelease::operator()(pqxx::work& transaction) const {
  ARGOSY_TRY(const auto release, find_release(transaction, call.model, call.version));
  const auto kept = keep_withdrawal(transaction, release, call, now);
  Recalled answer{call.model, call.version, kept.withdrawal, count_running(transaction, call), {}};
  for (const auto id : rollouts_of(transaction, release)) {
    ARGOSY_TRY(const auto record, load_rollout(transaction, id, Lock::none));
    answer.rollouts.push_back({record.id, record.name, record.state, effect_of_withdrawal(record.state), 0});
  }
  if (kept.is_new)
    announce(transaction, call, "release.withdraw", "release.withdrawn", "warning",
             withdrawn_sentence(call.model, call.version, kept.withdrawal), {{"reason", call.reason}});
  return answer;
}

Result<Recalled> RecallRelease::operator()(pqxx::work& transaction) const {
  ARGOSY_TRY(const auto release, find_release(transaction, call.model, call.version));
  const auto kept = keep_withdrawal(transaction, release, call, now);
  Recalled answer{call.model, call.version, kept.withdrawal, count_running(transaction, call), {}};
  bool acted = kept.is_new;
  for (const auto id : rollouts_of(transaction, release)) {
    ARGOSY_TRY(const auto record, load_rollout(transaction, id, Lock::row));
    answer.rollouts.push_back(roll_back(transaction, call, record, now, acted));
  }
  find_helpless(transaction, release, answer);
  if (acted)
    announce(transaction, call, "release.recall", "release.recalled", "critical",
             call.model + " " + call.version + " was recalled by " + call.actor + ": " + call.reason,
             {{"reason", call.reason}});
  return answer;
}

}  // namespace argosy::server
