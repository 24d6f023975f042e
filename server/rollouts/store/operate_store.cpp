#include "server/rollouts/store/operate_store.hpp"

#include <utility>

#include <nlohmann/json.hpp>
#include <pqxx/pqxx>

#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"
#include "server/rollouts/core/state_sql.hpp"
#include "server/rollouts/store/acknowledgement_store.hpp"
#include "server/rollouts/store/canary_store.hpp"
#include "server/rollouts/store/decision_store.hpp"
#include "server/rollouts/store/device_rows_store.hpp"
#include "server/rollouts/store/launch_store.hpp"
#include "server/rollouts/store/newcomer_store.hpp"
#include "server/rollouts/store/penalty_store.hpp"
#include "server/rollouts/store/rollout_rows_store.hpp"
#include "server/rollouts/store/snapshot_store.hpp"
#include "server/rollouts/store/transition_store.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

Result<void> check_etag(const RolloutRecord& record, const std::string& if_match) {
  if (if_match == "*" || if_match == std::to_string(record.etag)) return {};
  return make_error(Errc::precondition_failed, "the rollout has changed: its ETag is \"" + std::to_string(record.etag) +
                                                   "\", not \"" + if_match + "\"; read it again and decide anew");
}

Decision by_operator(std::string decision, std::string message, Json inputs = Json::object()) {
  return {"operator", std::move(decision), std::move(message), std::move(inputs)};
}

// Keeps the failures and failing guards that the operator saw and accepts; they are the decision's inputs as well.
Json accept(pqxx::work& transaction, const OperateRollout& asked, const RolloutRecord& record) {
  const auto seen = acknowledge(load_snapshot(transaction, record, asked.now));
  keep_acknowledged(transaction, record.id, asked.call.actor, seen, asked.now);
  return {{"acknowledged", acknowledged_to_json(seen)}};
}

void change(pqxx::work& transaction, const OperateRollout& asked, const RolloutRecord& record, RolloutState to,
            const std::string& word) {
  Json inputs = asked.call.operation == Operation::resume ? accept(transaction, asked, record) : Json::object();
  auto message = word + " by " + asked.call.actor + " when " + std::string(to_string(record.state));
  if (!record.guards_unmeasured.empty()) {
    inputs["guards_unmeasured"] = record.guards_unmeasured;
    message += "; the guards cannot be measured now";
  }
  change_state(transaction, record, to, asked.call.actor, by_operator(word, message, inputs), asked.now);
}

std::string at_its_time(const std::optional<Instant>& start_at) {
  return start_at ? ", to start at " + to_rfc3339(*start_at) : "";
}

// Past what was asked, as `to` says: scheduled or running.
void go_on(pqxx::work& transaction, const OperateRollout& asked, const RolloutRecord& record,
           std::optional<Instant> start_at, const std::string& how) {
  const auto& actor = asked.call.actor;
  if (state_after_approval(start_at, asked.now) == RolloutState::running) {
    const auto late = start_at ? ", its time " + to_rfc3339(*start_at) + " having passed," : "";
    return launch(transaction, record, actor, "operator", how + late, asked.now);
  }
  change_state(transaction, record, RolloutState::scheduled, actor,
               by_operator("schedule", "scheduled by " + actor + at_its_time(start_at)), asked.now);
}

Result<void> start(pqxx::work& transaction, const OperateRollout& asked, const RolloutRecord& record) {
  if (asked.call.start_at) ARGOSY_CHECK(check_start_at(*asked.call.start_at, asked.now));
  const auto start_at = asked.call.start_at ? asked.call.start_at : record.start_at;
  const auto& actor = asked.call.actor;
  set_launch(transaction, record, start_at, "");
  const bool needs_approval = asked.approval_required || record.policy.approval.required;
  if (state_after_start(needs_approval, start_at, asked.now) != RolloutState::awaiting_approval) {
    go_on(transaction, asked, record, start_at, "started by " + actor);
    return {};
  }
  const auto message = actor + " asks for approval" + for_whom(record) + at_its_time(start_at);
  change_state(transaction, record, RolloutState::awaiting_approval, actor, by_operator("ask for approval", message),
               asked.now);
  return {};
}

Result<void> check_approver(const OperateRollout& asked, const RolloutRecord& record) {
  const Account maker{record.created_by, record.created_by_person};
  const auto reason = approver_refusal(maker, {asked.call.actor, asked.call.person});
  if (!reason) return {};
  return make_error(Errc::forbidden, *reason);
}

std::string said(const std::string& comment) {
  return comment.empty() ? "" : ": " + comment;
}

Result<void> approve(pqxx::work& transaction, const OperateRollout& asked, const RolloutRecord& record) {
  ARGOSY_CHECK(check_approver(asked, record));
  const auto& actor = asked.call.actor;
  set_launch(transaction, record, record.start_at, actor);
  log_decision(transaction, record, actor,
               {"approval", "approve", "approved by " + actor + said(asked.call.comment), Json::object()}, asked.now);
  go_on(transaction, asked, record, record.start_at, "started when " + actor + " approved");
  return {};
}

Result<void> refuse(pqxx::work& transaction, const OperateRollout& asked, const RolloutRecord& record) {
  ARGOSY_CHECK(check_approver(asked, record));
  const auto& actor = asked.call.actor;
  set_launch(transaction, record, std::nullopt, "");
  change_state(transaction, record, RolloutState::draft, actor,
               {"approval", "refuse", "refused by " + actor + said(asked.call.comment), Json::object()}, asked.now);
  return {};
}

void cancel(pqxx::work& transaction, const OperateRollout& asked, const RolloutRecord& record) {
  set_launch(transaction, record, std::nullopt, "");
  change(transaction, asked, record, RolloutState::draft, "cancel");
}

// What is required is not skipped without a word.
Result<void> check_override(const OperateRollout& asked, const std::vector<std::string>& waiting) {
  if (!asked.call.all || asked.call.override_guards || waiting.empty()) return {};
  return make_error(Errc::illegal_transition, "the guard " + waiting.front() +
                                                  " is required and has not passed; wait for it, promote one wave, or "
                                                  "override the guards");
}

std::string words_of_promotion(const std::string& actor, bool all, const std::vector<std::string>& overridden) {
  std::string words = "promoted by " + actor;
  if (all) words += ", and all waves after it, without their bakes";
  for (const auto& guard : overridden)
    words += "; the required guard " + guard + ", which has not passed, is overridden";
  return words;
}

Result<void> promote(pqxx::work& transaction, const OperateRollout& asked, RolloutRecord record) {
  const auto snapshot = load_snapshot(transaction, record, asked.now);
  const auto next = next_wave(snapshot, record.wave).value_or(record.wave + 1);
  const auto word = "open " + wave_name(next);
  const auto waiting = waiting_required_guards(snapshot);
  ARGOSY_CHECK(check_override(asked, waiting));
  auto inputs = accept(transaction, asked, record);
  inputs["gate"] = gate_status(snapshot, asked.now);
  const bool all = asked.call.all && next_wave(snapshot, next);
  inputs["all"] = all;
  inputs["overridden"] = waiting;
  const auto decision = by_operator(word, words_of_promotion(asked.call.actor, all, waiting), inputs);
  transaction.exec_params0("update rollouts set promote_all = $2, overrides_guards = $3 where id = $1", record.id, all,
                           all && asked.call.override_guards);
  if (record.state == RolloutState::paused) {
    transaction.exec_params0("update rollouts set state = $3, reason = $2 where id = $1", record.id, decision.message,
                             std::string(to_string(RolloutState::running)));
  }
  open_wave(transaction, record, next, asked.call.actor, decision, asked.now);
  return {};
}

void restart_bake(pqxx::work& transaction, const RolloutRecord& record) {
  transaction.exec_params0("update rollout_waves set bake_started_at = null where rollout_id = $1 and wave = $2",
                           record.id, record.wave);
}

std::vector<RolloutDevice> lock_failed(pqxx::work& transaction, std::int64_t id, const std::string& cause) {
  static const std::string sql = "select " + rollout_device_columns + R"sql(
    from rollout_devices q
    where q.rollout_id = $1 and q.state = )sql" +
                                 sql_word(DeviceStep::failed) + R"sql(
      and ($2 = '' or q.cause = $2)
    order by q.device_id
    for update
  )sql";
  return rollout_devices_of(transaction.exec_params(sql, id, cause));
}

// Newcomers that an operator asks for by hand are told though the rollout stands no more.
void take_as_planned(pqxx::work& transaction, const RolloutRecord& record, const std::vector<std::string>& devices) {
  transaction.exec_params0(
      R"sql(
        update rollout_devices
        set joined_at = null
        where rollout_id = $1 and joined_at is not null and device_id in (select unnest($2::text[]))
      )sql",
      record.id, pg_array(devices));
}

Result<void> retry(pqxx::work& transaction, const OperateRollout& asked, const RolloutRecord& record) {
  const auto moves = effects_of_retry(lock_failed(transaction, record.id, asked.call.cause)).moves;
  if (moves.empty()) {
    return make_error(Errc::illegal_transition, "no device has failed with cause '" + asked.call.cause + "'");
  }
  begin_next_attempt(transaction, record.id, moves);
  std::vector<std::string> devices;
  for (const auto& move : moves) devices.push_back(move.device);
  if (!record.stands_since) take_as_planned(transaction, record, devices);
  if (asked.call.include_resting) end_rests(transaction, record.model, devices);
  restart_bake(transaction, record);
  transaction.exec_params0("update rollouts set version = version + 1 where id = $1", record.id);
  ARGOSY_TRY(const auto after, load_rollout(transaction, record.id, Lock::none));
  auto message = std::to_string(moves.size()) + " failed devices try again, asked by " + asked.call.actor;
  if (const auto resting = count_resting(transaction, record.model, devices, asked.now); resting > 0)
    message += "; " + std::to_string(resting) + " of them rest first, for they failed again and again";
  log_decision(transaction, record, asked.call.actor, by_operator("retry", message, accept(transaction, asked, after)),
               asked.now);
  return {};
}

Result<void> assign(pqxx::work& transaction, const OperateRollout& asked, const RolloutRecord& record) {
  const bool at_once = record.state == RolloutState::completed;
  if (at_once) {
    ARGOSY_TRY(const auto newer, find_newer_standing(transaction, record));
    if (newer) return make_error(Errc::illegal_transition, *newer);
  }
  transaction.exec_params0("update rollouts set standing = true, version = version + 1 where id = $1", record.id);
  const auto& actor = asked.call.actor;
  const auto message = "assigned by " + actor + ": it stands " + (at_once ? "from now on" : "once it has completed") +
                       ", and devices that come later get " + record.version;
  log_decision(transaction, record, actor, by_operator("assign", message), asked.now);
  if (at_once) return begin_to_stand(transaction, record, asked.now);
  return {};
}

void unassign(pqxx::work& transaction, const OperateRollout& asked, const RolloutRecord& record) {
  const auto& actor = asked.call.actor;
  stand_down(transaction, record, actor,
             by_operator("unassign", "unassigned by " + actor + ": devices that come later get nothing from it"),
             asked.now);
}

Result<void> act(pqxx::work& transaction, const OperateRollout& asked, const RolloutRecord& record) {
  switch (asked.call.operation) {
    case Operation::start:
      return start(transaction, asked, record);
    case Operation::approve:
      return approve(transaction, asked, record);
    case Operation::refuse:
      return refuse(transaction, asked, record);
    case Operation::cancel:
      cancel(transaction, asked, record);
      return {};
    case Operation::pause:
      change(transaction, asked, record, RolloutState::paused, "pause");
      return {};
    case Operation::resume:
      restart_bake(transaction, record);
      change(transaction, asked, record, RolloutState::running, "resume");
      return {};
    case Operation::promote:
      return promote(transaction, asked, record);
    case Operation::halt:
      change(transaction, asked, record, RolloutState::halted, "halt");
      return {};
    case Operation::rollback:
      change(transaction, asked, record, RolloutState::rolling_back, "roll back");
      return {};
    case Operation::retry:
      return retry(transaction, asked, record);
    case Operation::assign:
      return assign(transaction, asked, record);
    case Operation::unassign:
      unassign(transaction, asked, record);
      return {};
  }
  return make_error(Errc::internal, "unknown operation");
}

Result<void> check_canary(pqxx::work& transaction, const RolloutRecord& record) {
  ARGOSY_TRY(const auto refused, find_canary_refusal(transaction, record));
  if (!refused.empty()) return make_error(Errc::illegal_transition, refused);
  return {};
}

}  // namespace

Result<RolloutRecord> OperateRollout::operator()(pqxx::work& transaction) const {
  ARGOSY_TRY(auto record, load_rollout(transaction, call.rollout, Lock::row));
  ARGOSY_CHECK(check_etag(record, call.if_match));
  const bool starts = (call.operation == Operation::start && record.state == RolloutState::draft) ||
                      (call.operation == Operation::approve && record.state == RolloutState::awaiting_approval);
  if (starts) ARGOSY_CHECK(plan_again(transaction, record, now));
  if (const auto reason = refusal(call.operation, situation_of(record))) {
    return make_error(Errc::illegal_transition, *reason);
  }
  if (starts) ARGOSY_CHECK(check_canary(transaction, record));
  ARGOSY_CHECK(act(transaction, *this, record));
  append_audit(transaction, call.actor, "rollout." + std::string(to_string(call.operation)),
               "rollout/" + std::to_string(record.id), Json{{"from", to_string(record.state)}}.dump());
  return load_rollout(transaction, record.id, Lock::none);
}

}  // namespace argosy::server
