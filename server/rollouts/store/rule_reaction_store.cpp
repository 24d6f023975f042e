#include "server/rollouts/store/rule_reaction_store.hpp"

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"
#include "server/journal/reaction_store.hpp"
#include "server/rollouts/core/reaction.hpp"
#include "server/rollouts/core/state_sql.hpp"
#include "server/rollouts/store/decision_store.hpp"
#include "server/rollouts/store/device_rows_store.hpp"
#include "server/rollouts/store/rollout_rows_store.hpp"
#include "server/rollouts/store/target_store.hpp"
#include "server/rollouts/store/transition_store.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t rollouts_at_once = 20;

Json inputs_of(const ReactionInHand& reaction) {
  return {{"alert", reaction.alert}, {"rule", reaction.rule}, {"rule_version", reaction.rule_version}};
}

std::vector<std::int64_t> rollouts_touched(pqxx::work& transaction, const ReactionInHand& reaction) {
  static const std::string sql = R"sql(
    select r.id
    from rollouts r
    where r.state = )sql" + sql_word(RolloutState::running) +
                                 R"sql( and ($3 = '' or r.model = $3) and (
        exists (select from rollout_devices q where q.rollout_id = r.id and q.device_id = $1)
        or ($2 <> '' and exists (
          select
          from site_devices m
          join rollout_devices q on q.rollout_id = r.id and q.device_id = m.device_id
          where m.site = $2
        ))
      )
    order by r.id
    limit $4
  )sql";
  std::vector<std::int64_t> ids;
  for (const auto& row : transaction.exec_params(sql, reaction.device, reaction.site, reaction.model, rollouts_at_once))
    ids.push_back(row[0].as<std::int64_t>());
  return ids;
}

// Whether it did: it may have moved on meanwhile.
Result<bool> pause(pqxx::work& transaction, const ReactionInHand& reaction, std::int64_t id, Instant now) {
  ARGOSY_TRY(const auto record, load_rollout(transaction, id, Lock::row));
  if (refusal(Operation::pause, situation_of(record))) return false;
  const Decision decision{"reaction", "pause", "paused by " + reaction.actor() + " for " + reaction.because(),
                          inputs_of(reaction)};
  change_state(transaction, record, RolloutState::paused, reaction.actor(), decision, now);
  append_audit(transaction, reaction.actor(), "rollout.pause", "rollout/" + std::to_string(id),
               inputs_of(reaction).dump());
  return true;
}

std::string names_of(const std::vector<std::int64_t>& rollouts) {
  std::string names;
  for (const auto id : rollouts) names += (names.empty() ? "rollout " : ", rollout ") + std::to_string(id);
  return names;
}

struct ToldRelease {
  std::int64_t rollout = 0;
  std::int64_t release = 0;
};

std::optional<ToldRelease> told_release(pqxx::work& transaction, const ReactionInHand& reaction) {
  const auto rows = transaction.exec_params(
      R"sql(
        select rollout_id, release_id
        from device_targets
        where device_id = $1 and model = $2 and rollout_id is not null
      )sql",
      reaction.device, reaction.model);
  if (rows.empty()) return std::nullopt;
  return ToldRelease{rows[0][0].as<std::int64_t>(), rows[0][1].as<std::int64_t>()};
}

std::optional<RolloutDevice> lock_device(pqxx::work& transaction, std::int64_t rollout, const std::string& device) {
  static const std::string sql = "select " + rollout_device_columns +
                                 " from rollout_devices q where q.rollout_id = $1 and q.device_id = $2 for update of q";
  auto rows = rollout_devices_of(transaction.exec_params(sql, rollout, device));
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

std::optional<std::int64_t> next_rollout_of(pqxx::work& transaction, const ReactionInHand& reaction,
                                            std::int64_t besides) {
  static const std::string sql = R"sql(
    select r.id
    from rollout_devices q
    join rollouts r on r.id = q.rollout_id
    where q.device_id = $1 and r.model = $2 and r.id <> $3 and r.state in ()sql" +
                                 sql_states(is_active) + R"sql()
      and (q.state = )sql" + sql_word(DeviceStep::queued) +
                                 " or q.state in (" + sql_steps(awaits_outcome) + R"sql())
    order by r.id desc
    limit 1
  )sql";
  const auto rows = transaction.exec_params(sql, reaction.device, reaction.model, besides);
  if (rows.empty()) return std::nullopt;
  return rows[0][0].as<std::int64_t>();
}

std::string text_or_empty(const pqxx::result& rows) {
  return rows.empty() ? std::string() : rows[0][0].as<std::string>("");
}

std::string serving_version(pqxx::work& transaction, const ReactionInHand& reaction) {
  return text_or_empty(transaction.exec_params("select version from device_models where device_id = $1 and model = $2",
                                               reaction.device, reaction.model));
}

std::string version_alerted(pqxx::work& transaction, const ReactionInHand& reaction) {
  return text_or_empty(
      transaction.exec_params("select details ->> 'version' from alerts where id = $1", reaction.alert));
}

std::string version_of(pqxx::work& transaction, std::int64_t release) {
  return text_or_empty(transaction.exec_params("select version from releases where id = $1", release));
}

void send_back(pqxx::work& transaction, const ReactionInHand& reaction, const RolloutRecord& record,
               const RolloutDevice& row, Instant now) {
  const auto effects = effects_of_stop({row}, RolloutState::rolling_back, record.id, now);
  set_targets(transaction, record.model, effects.targets, now, DueClass::stop);
  move_devices(transaction, record.id, effects.moves);
  const auto before = version_of(transaction, *row.previous_release);
  Json inputs = inputs_of(reaction);
  inputs["device"] = reaction.device;
  inputs["from"] = record.version;
  inputs["to"] = before;
  log_decision(
      transaction, record, reaction.actor(),
      {"reaction", "send one device back",
       reaction.device + " goes back to " + before + ", sent by " + reaction.actor() + " for " + reaction.because(),
       inputs},
      now, "warning");
  append_audit(transaction, reaction.actor(), "device.send_back", "device/" + reaction.device, inputs.dump());
  inputs["rollout"] = record.id;
  end_reaction(transaction, reaction, ReactionEnd::done,
               reaction.device + " was told to go back from " + record.model + " " + record.version + " to " + before,
               inputs, now);
}

}  // namespace

Result<bool> PauseRolloutsTouched::operator()(pqxx::work& transaction) const {
  const auto in_hand = take_reaction(transaction, reaction);
  if (!in_hand) return false;
  std::vector<std::int64_t> paused;
  for (const auto id : rollouts_touched(transaction, *in_hand)) {
    ARGOSY_TRY(const bool did, pause(transaction, *in_hand, id, now));
    if (did) paused.push_back(id);
  }
  if (paused.empty()) {
    end_reaction(transaction, *in_hand, ReactionEnd::left, "not done: no rollout that touches it is running",
                 Json::object(), now);
    return false;
  }
  end_reaction(transaction, *in_hand, ReactionEnd::done, "paused " + names_of(paused), {{"rollouts", paused}}, now);
  return true;
}

Result<bool> SendDeviceBack::operator()(pqxx::work& transaction) const {
  const auto in_hand = take_reaction(transaction, reaction);
  if (!in_hand) return false;
  const auto target = told_release(transaction, *in_hand);
  std::optional<RolloutRecord> record;
  SendBackCase found;
  if (target) {
    ARGOSY_TRY(record, load_rollout(transaction, target->rollout, Lock::row));
    found.wish = {.rollout = target->rollout,
                  .state = record->state,
                  .version = record->version,
                  .is_its_release = target->release == record->release_id,
                  .row = lock_device(transaction, target->rollout, in_hand->device)};
    found.next_rollout = next_rollout_of(transaction, *in_hand, target->rollout);
  }
  found.serving = serving_version(transaction, *in_hand);
  found.alerted = version_alerted(transaction, *in_hand);
  if (const auto why_not = why_not_sent_back(found)) {
    end_reaction(transaction, *in_hand, ReactionEnd::left, "not done: " + *why_not, Json::object(), now);
    return false;
  }
  send_back(transaction, *in_hand, *record, *found.wish->row, now);
  return true;
}

}  // namespace argosy::server
