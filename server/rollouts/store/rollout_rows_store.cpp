#include "server/rollouts/store/rollout_rows_store.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "common/json/json_reader.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

Json optional_text(const std::optional<Instant>& at) {
  return at ? Json(to_rfc3339(*at)) : Json(nullptr);
}

Counts counts_of(const pqxx::field& field) {
  return read_json<Counts>(field.as<std::string>()).value();
}

// A reader of what is stored, as written here or by hand: what cannot be read becomes the rollout's fault, not an
// error.
template <class Read>
void read_or_fault(std::string& fault, const std::string& what, Read read) {
  const auto keep = [&](const std::string& why) {
    if (fault.empty()) fault = "its " + what + " cannot be read: " + why;
  };
  try {
    if (const Result<void> outcome = read(); !outcome) keep(outcome.error().message);
  } catch (const std::exception&) {
    keep("it is not of the form that is written here");
  }
}

std::vector<WaveRecord> load_waves(pqxx::work& transaction, std::int64_t id, std::string& fault) {
  static const std::string sql = "select share, planned, counts::text, " + epoch_ms("opened_at") + ", " +
                                 epoch_ms("bake_started_at") + ", " + epoch_ms("passed_at") +
                                 " from rollout_waves where rollout_id = $1 order by wave";
  std::vector<WaveRecord> waves;
  for (const auto& row : transaction.exec_params(sql, id)) {
    waves.push_back({row[0].as<double>(),
                     row[1].as<std::int64_t>(),
                     {},
                     instant_or_none(row[3]),
                     instant_or_none(row[4]),
                     instant_or_none(row[5])});
    read_or_fault(fault, "counts of " + wave_name(static_cast<int>(waves.size()) - 1), [&]() -> Result<void> {
      waves.back().counts = counts_of(row[2]);
      return {};
    });
  }
  return waves;
}

// What an operator accepted with the last resume, promote or retry.
Acknowledged load_acknowledged(pqxx::work& transaction, std::int64_t id) {
  const auto rows = transaction.exec_params(
      "select (inputs->'acknowledged')::text from rollout_decisions where rollout_id = $1 and inputs ? 'acknowledged' "
      "order by id desc limit 1",
      id);
  Acknowledged seen;
  if (rows.empty()) return seen;
  auto inputs = JsonReader::parse(rows[0][0].as<std::string>(), stored_json, UnknownKeys::pass);
  if (!inputs) return {};  // what cannot be read was not accepted
  std::vector<std::string> guards;
  inputs->optional("failures", seen.failures).optional("guards", guards);
  if (!inputs->finish()) return {};
  for (const auto& name : guards) {
    for (const auto metric : {GuardMetric::latency_p95, GuardMetric::error_rate, GuardMetric::accuracy}) {
      if (to_string(metric) == name) seen.guards.push_back(metric);
    }
  }
  return seen;
}

WaveView* wave_of(Snapshot& snapshot, const pqxx::field& number) {
  const auto wave = number.as<std::int64_t>();
  if (wave < 0 || wave >= static_cast<std::int64_t>(snapshot.waves.size())) return nullptr;
  return &snapshot.waves[static_cast<std::size_t>(wave)];
}

void load_queued(pqxx::work& transaction, const RolloutRecord& record, Snapshot& snapshot) {
  // The open wave first: it must not look empty because stragglers of earlier waves fill the limit.
  const auto rows = transaction.exec_params(
      "select wave, count(*) from (select q.wave from rollout_devices q "
      "join device_state s on s.device_id = q.device_id and s.presence in ('online', 'late') "
      "where q.rollout_id = $1 and q.state = 'queued' and q.wave <= $2 order by q.wave desc limit $3) as reachable "
      "group by wave",
      record.id, record.wave, record.policy.max_in_progress);
  for (const auto& row : rows) {
    if (auto* wave = wave_of(snapshot, row[0])) wave->queued_reachable = row[1].as<std::int64_t>();
  }
}

void load_running(pqxx::work& transaction, const RolloutRecord& record, Snapshot& snapshot) {
  static const std::string sql =
      "select wave, count(*) filter (where reachable), "
      "count(*) filter (where not reachable and state in ('activating', 'probation')), " +
      epoch_ms(
          "min(case when state <> 'notified' then started_at when reachable then greatest(notified_at, "
          "presence_since) end)") +
      " from (select q.wave, q.state, q.started_at, q.notified_at, s.presence_since, "
      "coalesce(s.presence in ('online', 'late'), false) as reachable "
      "from rollout_devices q left join device_state s on s.device_id = q.device_id where q.rollout_id = $1 and "
      "q.state in ('notified', 'downloading', 'patching', 'verifying', 'validating', 'activating', 'probation')) as t "
      "group by wave";
  for (const auto& row : transaction.exec_params(sql, record.id)) {
    if (auto* wave = wave_of(snapshot, row[0])) {
      wave->running_reachable = row[1].as<std::int64_t>();
      wave->suspects = row[2].as<std::int64_t>();
    }
    const auto clock = instant_or_none(row[3]);
    if (clock && (!snapshot.oldest_clock || *clock < *snapshot.oldest_clock)) snapshot.oldest_clock = clock;
  }
}

void write_counts(pqxx::work& transaction, std::int64_t rollout,
                  const std::map<int, std::map<std::string, std::int64_t>>& waves) {
  for (const auto& [wave, changes] : waves) {
    transaction.exec_params0(
        "update rollout_waves set counts = (select coalesce(jsonb_object_agg(key, devices), '{}') from "
        "(select key, sum(value::bigint) as devices from (select key, value from jsonb_each_text(counts) union all "
        "select key, value from jsonb_each_text($3::jsonb)) as both_sides group by key "
        "having sum(value::bigint) <> 0) as total) where rollout_id = $1 and wave = $2",
        rollout, wave, Json(changes).dump());
  }
}

constexpr std::int64_t devices_a_slice = 1000;  // told of a stop in one transaction

// The next devices behind `after` whose target is still the rollout's wish, locked.
std::vector<RolloutDevice> lock_targeted(pqxx::work& transaction, const RolloutRecord& record,
                                         const std::string& after) {
  static const std::string sql = "select " + std::string(rollout_device_columns) +
                                 " from rollout_devices q join device_targets t on t.device_id = q.device_id and "
                                 "t.model = $2 and t.rollout_id = q.rollout_id and t.release_id = $3 "
                                 "where q.rollout_id = $1 and q.state <> 'queued' and q.device_id > $4 "
                                 "order by q.device_id limit $5 for update of q";
  return rollout_devices_of(
      transaction.exec_params(sql, record.id, record.model, record.release_id, after, devices_a_slice));
}

std::string severity_of(RolloutState to) {
  if (to == RolloutState::halted || to == RolloutState::rolling_back) return "critical";
  return to == RolloutState::paused ? "warning" : "info";
}

void append_decision_event(pqxx::work& transaction, const RolloutRecord& record, const std::string& severity,
                           const std::string& actor, const Decision& decision) {
  const Json details{{"actor", actor}, {"rule", decision.rule}, {"decision", decision.decision}};
  append_event(transaction, {.kind = "rollout.decision",
                             .severity = severity,
                             .device_id = std::nullopt,
                             .rollout_id = record.id,
                             .model = record.model,
                             .message = record.name + ": " + decision.decision + ": " + decision.message,
                             .details_json = details.dump()});
}

void insert_decision(pqxx::work& transaction, const RolloutRecord& record, const std::string& actor,
                     const Decision& decision, Instant now) {
  transaction.exec_params0(
      "insert into rollout_decisions (rollout_id, at, actor, rule, decision, message, inputs) "
      "values ($1, $2::timestamptz, $3, $4, $5, $6, $7::jsonb)",
      record.id, to_rfc3339(now), actor, decision.rule, decision.decision, decision.message, decision.inputs.dump());
}

}  // namespace

std::string epoch_ms(std::string_view column) {
  return "(extract(epoch from " + std::string(column) + ") * 1000)::bigint";
}

std::optional<Instant> instant_or_none(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return instant_from_ms(field.as<std::int64_t>());
}

std::vector<RolloutDevice> rollout_devices_of(const pqxx::result& rows) {
  std::vector<RolloutDevice> devices;
  for (const auto& row : rows) {
    RolloutDevice& one = devices.emplace_back();
    one.device = row[0].as<std::string>();
    one.wave = row[1].as<int>();
    one.attempt = row[2].as<int>();
    if (!row[3].is_null()) one.previous_release = row[3].as<std::int64_t>();
    one.is = {.step = parse_device_step(row[4].as<std::string>()).value(),
              .cause = row[5].as<std::string>(),
              .message = row[6].as<std::string>(),
              .source = row[7].as<std::string>(),
              .bytes = row[8].as<std::uint64_t>(),
              .full_bytes = row[9].as<std::uint64_t>(),
              .numbers = json_or_null(row[10].as<std::string>())};
  }
  return devices;
}

Result<RolloutRecord> load_rollout(pqxx::work& transaction, std::int64_t id, Lock lock) {
  static const std::string sql =
      "select r.name, r.model, l.version, r.release_id, r.filter, r.policy::text, r.seed, r.state, r.reason, r.wave, "
      "r.version, r.created_by, " +
      epoch_ms("r.created_at") + ", " + epoch_ms("r.started_at") + ", " + epoch_ms("r.ended_at") +
      ", r.told_up_to from rollouts r join releases l on l.id = r.release_id where r.id = $1";
  const auto rows = transaction.exec_params(lock == Lock::row ? sql + " for update of r" : sql, id);
  if (rows.empty()) return make_error(Errc::not_found, "there is no rollout " + std::to_string(id));
  const auto row = rows[0];
  RolloutRecord record;
  record.id = id;
  record.name = row[0].as<std::string>();
  record.model = row[1].as<std::string>();
  record.version = row[2].as<std::string>();
  record.release_id = row[3].as<std::int64_t>();
  record.filter = row[4].as<std::string>();
  read_or_fault(record.fault, "policy", [&]() -> Result<void> {
    ARGOSY_TRY(record.policy, decode_policy(json_or_null(row[5].as<std::string>())));
    return {};
  });
  if (!record.fault.empty()) record.policy.guards.clear();  // no verdicts by a policy that nobody wrote
  record.seed = static_cast<std::uint64_t>(row[6].as<std::int64_t>());
  ARGOSY_TRY(record.state, parse_rollout_state(row[7].as<std::string>()));
  record.reason = row[8].as<std::string>();
  record.wave = row[9].as<int>();
  record.etag = row[10].as<std::int64_t>();
  record.created_by = row[11].as<std::string>();
  record.created_at = *instant_or_none(row[12]);
  record.started_at = instant_or_none(row[13]);
  record.ended_at = instant_or_none(row[14]);
  if (!row[15].is_null()) record.told_up_to = row[15].as<std::string>();
  record.waves = load_waves(transaction, id, record.fault);
  if (record.wave < 0 || record.wave >= static_cast<int>(record.waves.size())) {
    if (record.fault.empty()) record.fault = wave_name(record.wave) + ", which is open, is not one of its waves";
    record.wave = 0;
  }
  return record;
}

Snapshot load_snapshot(pqxx::work& transaction, const RolloutRecord& record, std::vector<GuardInput> guards) {
  Snapshot snapshot;
  snapshot.state = record.state;
  snapshot.policy = record.policy;
  snapshot.wave = record.wave;
  snapshot.guards = std::move(guards);
  snapshot.fault = record.fault;
  snapshot.stopping = record.told_up_to.has_value();
  for (const auto& wave : record.waves) {
    snapshot.waves.push_back({.planned = wave.planned,
                              .counts = wave.counts,
                              .opened_at = wave.opened_at,
                              .bake_started_at = wave.bake_started_at});
  }
  snapshot.acknowledged = load_acknowledged(transaction, record.id);
  // The counts tell where there is nothing to look for.
  const auto total = total_counts(record);
  if (count_of(total, "queued") > 0) load_queued(transaction, record, snapshot);
  if (in_progress(total) > 0) load_running(transaction, record, snapshot);
  if (count_of(total, "rolling_back") == 0) return snapshot;
  snapshot.rolling_back_reachable =
      transaction
          .exec_params1(
              "select count(*) from rollout_devices q join device_state s on s.device_id = q.device_id and "
              "s.presence in ('online', 'late') where q.rollout_id = $1 and q.state = 'rolling_back'",
              record.id)[0]
          .as<std::int64_t>();
  return snapshot;
}

void move_devices(pqxx::work& transaction, std::int64_t rollout, const std::vector<DeviceMove>& moves) {
  if (moves.empty()) return;
  Json rows = Json::array();
  std::map<int, std::map<std::string, std::int64_t>> counts;
  for (const auto& move : moves) {
    rows.push_back({{"device", move.device},
                    {"state", to_string(move.to.step)},
                    {"cause", move.to.cause},
                    {"message", move.to.message},
                    {"source", move.to.source},
                    {"bytes", move.to.bytes},
                    {"full_bytes", move.to.full_bytes},
                    {"numbers", move.to.numbers},
                    {"notified_at", optional_text(move.notified_at)},
                    {"started_at", optional_text(move.started_at)},
                    {"finished_at", optional_text(move.finished_at)},
                    {"previous", move.previous_release ? Json(*move.previous_release) : Json(nullptr)}});
    --counts[move.wave][move.from_key];
    ++counts[move.wave][count_key(move.to.step, move.to.cause)];
  }
  transaction.exec_params0(
      "update rollout_devices q set state = i.state, cause = nullif(i.cause, ''), message = i.message, "
      "source = nullif(i.source, ''), bytes = i.bytes, full_bytes = i.full_bytes, numbers = i.numbers, "
      "notified_at = coalesce(i.notified_at, q.notified_at), started_at = coalesce(q.started_at, i.started_at), "
      "finished_at = i.finished_at, previous_release_id = coalesce(i.previous, q.previous_release_id) "
      "from jsonb_to_recordset($2::jsonb) as i(device text, state text, cause text, message text, source text, "
      "bytes bigint, full_bytes bigint, numbers jsonb, notified_at timestamptz, started_at timestamptz, "
      "finished_at timestamptz, previous bigint) where q.rollout_id = $1 and q.device_id = i.device",
      rollout, rows.dump(-1, ' ', false, Json::error_handler_t::replace));
  write_counts(transaction, rollout, counts);
}

void set_targets(pqxx::work& transaction, const std::string& model, const std::vector<TargetChange>& changes,
                 Instant now, DueClass due) {
  Json set = Json::array();
  Json gone = Json::array();
  std::vector<std::string> touched;
  for (const auto& change : changes) {
    touched.push_back(change.device);
    if (!change.release) {
      gone.push_back(change.device);
      continue;
    }
    set.push_back({{"device", change.device},
                   {"release", *change.release},
                   {"rollout", change.rollout ? Json(*change.rollout) : Json(nullptr)},
                   {"attempt", change.attempt}});
  }
  if (!set.empty()) {
    transaction.exec_params0(
        "insert into device_targets (device_id, model, release_id, rollout_id, attempt, since) "
        "select i.device, $2, i.release, i.rollout, i.attempt, $3::timestamptz from jsonb_to_recordset($1::jsonb) "
        "as i(device text, release bigint, rollout bigint, attempt int) order by i.device "
        "on conflict (device_id, model) do update set release_id = excluded.release_id, "
        "rollout_id = excluded.rollout_id, attempt = excluded.attempt, since = excluded.since",
        set.dump(), model, to_rfc3339(now));
  }
  if (!gone.empty()) {
    transaction.exec_params0(
        "delete from device_targets where model = $2 and device_id in (select jsonb_array_elements_text($1::jsonb))",
        gone.dump(), model);
  }
  touch_desired(transaction, touched, due);
}

void log_decision(pqxx::work& transaction, const RolloutRecord& record, const std::string& actor,
                  const Decision& decision, Instant now) {
  insert_decision(transaction, record, actor, decision, now);
  append_decision_event(transaction, record, "info", actor, decision);
}

void change_state(pqxx::work& transaction, const RolloutRecord& record, RolloutState to, const std::string& actor,
                  const Decision& decision, Instant now) {
  const bool ends = to == RolloutState::completed || to == RolloutState::halted || to == RolloutState::rolled_back;
  transaction.exec_params0(
      "update rollouts set state = $2, reason = $3, version = version + 1, started_at = coalesce(started_at, "
      "$4::timestamptz), ended_at = case when $5 then $4::timestamptz end where id = $1",
      record.id, std::string(to_string(to)), decision.message, to_rfc3339(now), ends);
  insert_decision(transaction, record, actor, decision, now);
  append_decision_event(transaction, record, severity_of(to), actor, decision);
  if (to == RolloutState::halted || to == RolloutState::rolling_back) tell_of_stop(transaction, record, to, "", now);
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
  const auto at = to_rfc3339(now);
  transaction.exec_params0("update rollout_waves set passed_at = $3::timestamptz where rollout_id = $1 and wave = $2",
                           record.id, record.wave, at);
  transaction.exec_params0("update rollout_waves set opened_at = $3::timestamptz where rollout_id = $1 and wave = $2",
                           record.id, wave, at);
  transaction.exec_params0("update rollouts set wave = $2, version = version + 1 where id = $1", record.id, wave);
  insert_decision(transaction, record, actor, decision, now);
  append_decision_event(transaction, record, "info", actor, decision);
}

}  // namespace argosy::server
