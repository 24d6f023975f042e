// One tick of one rollout: snapshot, next_actions, effects, in one transaction that holds the rollout's row.
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>
#include <pqxx/pqxx>

#include "server/db/db_pool.hpp"
#include "server/journal/journal_store.hpp"
#include "server/rollouts/notify_store.hpp"
#include "server/rollouts/rollout_rows_store.hpp"
#include "server/rollouts/rollout_store.hpp"

namespace argosy::server {
namespace {

constexpr const char* engine = "engine";
constexpr int most_at_once = 1000;  // devices in one transaction; the next round goes on

struct OpenRow {
  std::string device;
  int wave = 0;
  DeviceStep step = DeviceStep::queued;
  Progress as_is;
};

OpenRow open_row(const pqxx::row& row) {
  OpenRow one;
  one.device = row[0].as<std::string>();
  one.wave = row[1].as<int>();
  one.step = parse_device_step(row[2].as<std::string>()).value();
  one.as_is = {.step = one.step,
               .source = row[3].as<std::string>(),
               .bytes = row[4].as<std::uint64_t>(),
               .full_bytes = row[5].as<std::uint64_t>()};
  return one;
}

constexpr const char* open_columns =
    "select q.device_id, q.wave, q.state, coalesce(q.source, ''), coalesce(q.bytes, 0), coalesce(q.full_bytes, 0) "
    "from rollout_devices q ";

DeviceMove failed_move(OpenRow row, std::string_view cause, std::string message, Instant now) {
  auto to = std::move(row.as_is);
  to.step = DeviceStep::failed;
  to.cause = cause;
  to.message = std::move(message);
  return {.device = std::move(row.device),
          .wave = row.wave,
          .from_key = count_key(row.step, ""),
          .to = std::move(to),
          .notified_at = {},
          .started_at = {},
          .finished_at = now,
          .previous_release = {}};
}

// Devices that were revoked since leave every rollout that has no outcome of them.
std::vector<DeviceMove> decommission(pqxx::work& transaction, std::int64_t rollout, std::optional<Instant> since,
                                     Instant now) {
  std::vector<DeviceMove> moves;
  const auto rows = transaction.exec_params(
      std::string(open_columns) +
          "join devices d on d.id = q.device_id where d.revoked_at is not null and q.rollout_id = $1 "
          "and d.revoked_at >= coalesce($2::timestamptz, '-infinity') "
          "and q.state not in ('succeeded', 'failed', 'rolled_back') order by q.device_id for update of q",
      rollout, since ? std::optional(to_rfc3339(*since)) : std::nullopt);
  for (const auto& row : rows) {
    moves.push_back(failed_move(open_row(row), cause_decommissioned, "the device was revoked", now));
  }
  return moves;
}

std::vector<DeviceMove> time_out(pqxx::work& transaction, const RolloutRecord& record, Instant started_by,
                                 Instant now) {
  std::vector<DeviceMove> moves;
  const auto rows = transaction.exec_params(
      std::string(open_columns) +
          "left join device_state s on s.device_id = q.device_id where q.rollout_id = $1 and "
          "((q.state in ('downloading', 'patching', 'verifying', 'validating', 'activating', 'probation') "
          "and q.started_at <= $2::timestamptz) or (q.state = 'notified' and s.presence in ('online', 'late') "
          "and greatest(q.notified_at, s.presence_since) <= $2::timestamptz)) order by q.device_id limit $3 for update "
          "of q",
      record.id, to_rfc3339(started_by), most_at_once);
  for (const auto& row : rows) {
    auto one = open_row(row);
    const auto message = "no outcome after " + std::to_string(record.policy.in_progress_timeout_s) + " s; last seen " +
                         std::string(to_string(one.step));
    append_event(transaction, {.kind = "rollout.device",
                               .severity = "warning",
                               .device_id = one.device,
                               .rollout_id = record.id,
                               .model = record.model,
                               .message = one.device + ": " + message,
                               .details_json = nlohmann::json{{"cause", cause_timeout}}.dump()});
    moves.push_back(failed_move(std::move(one), cause_timeout, message, now));
  }
  return moves;
}

struct AdvanceOne {
  std::int64_t id;
  Guards guards;
  std::optional<Instant> revoked_since;
  Instant now;

  Result<Advance> operator()(pqxx::work& transaction) const {
    ARGOSY_TRY(auto record, load_rollout(transaction, id, Lock::row));
    Advance advance;
    if (record.told_up_to) {
      tell_of_stop(transaction, record, record.state, *record.told_up_to, now);
      advance.acted = true;
      return advance;
    }
    const auto gone = decommission(transaction, id, revoked_since, now);
    if (!gone.empty()) {
      move_devices(transaction, id, gone);
      ARGOSY_TRY(record, load_rollout(transaction, id, Lock::none));
      advance.acted = true;
    }
    const auto actions = next_actions(load_snapshot(transaction, record, guards_for(record)), now);
    for (const auto& action : actions) {
      if (advance.stopped) break;  // what else was decided, was decided without knowing
      ARGOSY_CHECK(std::visit([&](const auto& one) { return apply(transaction, record, one, advance); }, action));
    }
    return advance;
  }

 private:
  // Figures from before its last change, which may have opened a wave, say nothing about what has changed.
  std::vector<GuardInput> guards_for(const RolloutRecord& record) const {
    return record.etag == guards.etag ? guards.inputs : about_to_be_measured(record.policy);
  }

  Result<void> apply(pqxx::work& transaction, const RolloutRecord& record, const Notify& action,
                     Advance& advance) const {
    auto telling = notify_devices(transaction, record, action, now);
    if (!telling && record.state == RolloutState::running)
      return pause_for(transaction, record, telling.error(), advance);
    ARGOSY_TRY(auto notified, std::move(telling));
    advance.notified += notified.devices;
    advance.acted |= notified.devices > 0;
    advance.wanted = std::move(notified.wanted);
    return {};
  }

  // Its release cannot be told to anybody: whoever looks after it should know.
  Result<void> pause_for(pqxx::work& transaction, const RolloutRecord& record, const Error& error,
                         Advance& advance) const {
    const Decision decision{"fault", "pause", "nobody can be told: " + error.message, {{"error", error.message}}};
    change_state(transaction, record, RolloutState::paused, engine, decision, now);
    advance.acted = true;
    advance.stopped = true;
    return {};
  }

  Result<void> apply(pqxx::work& transaction, const RolloutRecord& record, const TimeOut& action,
                     Advance& advance) const {
    move_devices(transaction, record.id, time_out(transaction, record, action.started_by, now));
    advance.acted = true;
    return {};
  }

  Result<void> apply(pqxx::work& transaction, const RolloutRecord& record, const StartBake& action,
                     Advance& advance) const {
    transaction.exec_params0(
        "update rollout_waves set bake_started_at = $3::timestamptz where rollout_id = $1 and wave = $2", record.id,
        action.wave, to_rfc3339(now));
    advance.acted = true;
    return {};
  }

  Result<void> apply(pqxx::work& transaction, const RolloutRecord& record, const OpenWave& action,
                     Advance& advance) const {
    open_wave(transaction, record, action.wave, engine, action.decision, now);
    advance.acted = true;
    return {};
  }

  Result<void> apply(pqxx::work& transaction, const RolloutRecord& record, const ChangeState& action,
                     Advance& advance) const {
    change_state(transaction, record, action.to, engine, action.decision, now);
    if (action.to == RolloutState::completed) {
      transaction.exec_params0(
          "update rollout_waves set passed_at = $3::timestamptz where rollout_id = $1 and wave = $2", record.id,
          record.wave, to_rfc3339(now));
    }
    advance.acted = true;
    return {};
  }
};

}  // namespace

Task<Result<Advance>> RolloutStore::advance(std::int64_t id, Guards guards, std::optional<Instant> revoked_since,
                                            Instant now) {
  auto work = db_.transact(AdvanceOne{id, std::move(guards), revoked_since, now});
  co_return co_await std::move(work);
}

}  // namespace argosy::server
