#include "server/rollouts/store/penalty_store.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"
#include "server/rollouts/core/penalty_box.hpp"
#include "server/rollouts/core/state_sql.hpp"
#include "server/rollouts/store/device_rows_store.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

void clear_failures(pqxx::work& transaction, const std::string& model, const std::vector<std::string>& devices) {
  if (devices.empty()) return;
  transaction.exec_params0("delete from device_failures where model = $1 and device_id in (select unnest($2::text[]))",
                           model, pg_array(devices));
}

struct Rest {
  std::string device;
  int failures = 0;
  Instant until{};
};

NewEvent event_of_rest(const Rest& rest, std::int64_t rollout, const std::string& model) {
  return {.kind = "rollout.device",
          .severity = "warning",
          .device_id = rest.device,
          .rollout_id = rollout,
          .model = model,
          .message = rest.device + " failed " + std::to_string(rest.failures) + " times in a row with " + model +
                     " and rests until " + to_rfc3339(rest.until),
          .details_json = Json{{"failures", rest.failures}, {"resting_until", to_rfc3339(rest.until)}}.dump()};
}

// Those among the failed that have to rest now.
std::vector<Rest> count_failures(pqxx::work& transaction, std::int64_t rollout, const std::string& model,
                                 const std::map<std::string, Instant>& failed) {
  std::vector<std::string> devices;
  for (const auto& [device, at] : failed) devices.push_back(device);
  const auto rows = transaction.exec_params(
      R"sql(
        insert into device_failures as f (device_id, model, failures)
        select device, $1, 1
        from unnest($2::text[]) as device
        order by device
        on conflict (device_id, model) do update set failures = f.failures + 1
        returning device_id, failures
      )sql",
      model, pg_array(devices));
  std::vector<Rest> rests;
  for (const auto& row : rows) {
    const auto device = row[0].as<std::string>();
    const auto failures = row[1].as<int>();
    auto jitter = jitter_for(device, rollout, failures);
    if (const auto rest = rest_after(failures, jitter)) rests.push_back({device, failures, failed.at(device) + *rest});
  }
  return rests;
}

void keep_rests(pqxx::work& transaction, const std::string& model, const std::vector<Rest>& rests) {
  Json rows = Json::array();
  for (const auto& rest : rests) rows.push_back({{"device", rest.device}, {"until", to_rfc3339(rest.until)}});
  transaction.exec_params0(
      R"sql(
        update device_failures f
        set resting_until = i.until
        from jsonb_to_recordset($2::jsonb) as i(device text, until timestamptz)
        where f.device_id = i.device and f.model = $1
      )sql",
      model, rows.dump());
}

}  // namespace

void note_luck(pqxx::work& transaction, std::int64_t rollout, const std::vector<DeviceMove>& moves) {
  std::vector<std::string> succeeded;
  std::map<std::string, Instant> failed;
  for (const auto& move : moves) {
    const auto luck = luck_of(move);
    if (luck == Luck::succeeded) succeeded.push_back(move.device);
    if (luck == Luck::failed && move.finished_at) failed.emplace(move.device, *move.finished_at);
  }
  if (succeeded.empty() && failed.empty()) return;
  const auto model = transaction.exec_params1("select model from rollouts where id = $1", rollout)[0].as<std::string>();
  clear_failures(transaction, model, succeeded);
  if (failed.empty()) return;
  const auto rests = count_failures(transaction, rollout, model, failed);
  if (rests.empty()) return;
  keep_rests(transaction, model, rests);
  std::vector<NewEvent> events;
  for (const auto& rest : rests) events.push_back(event_of_rest(rest, rollout, model));
  append_events(transaction, events);
}

void end_rests(pqxx::work& transaction, const std::string& model, const std::vector<std::string>& devices) {
  transaction.exec_params0(
      R"sql(
        update device_failures
        set resting_until = null
        where model = $1 and device_id in (select unnest($2::text[]))
      )sql",
      model, pg_array(devices));
}

std::int64_t count_resting(pqxx::work& transaction, const std::string& model, const std::vector<std::string>& devices,
                           Instant now) {
  return transaction
      .exec_params1(
          R"sql(
            select count(*)
            from device_failures
            where model = $1 and device_id in (select unnest($2::text[])) and resting_until > $3::timestamptz
          )sql",
          model, pg_array(devices), now)[0]
      .as<std::int64_t>();
}

void schedule_tries(pqxx::work& transaction, const RolloutRecord& record) {
  const auto& policy = record.policy.retry;
  if (policy.causes.empty()) return;
  const bool any = std::find(policy.causes.begin(), policy.causes.end(), "*") != policy.causes.end();
  static const std::string sql = R"sql(
    select device_id, cause, attempt, finished_at
    from rollout_devices
    where rollout_id = $1 and state = )sql" +
                                 sql_word(DeviceStep::failed) + R"sql( and retry_at is null
      and attempt < $2 and finished_at is not null and ($3 or cause = any($4::text[]))
      and cause not in ()sql" + sql_causes(is_neutral_cause) +
                                 R"sql()
    order by device_id
    limit $5
    for update
  )sql";
  const auto rows =
      transaction.exec_params(sql, record.id, policy.max_attempts, any, pg_array(policy.causes), most_tries_at_once);
  Json tries = Json::array();
  for (const auto& row : rows) {
    const auto device = row["device_id"].as<std::string>();
    const auto attempt = row["attempt"].as<int>();
    auto jitter = jitter_for(device, record.id, attempt);
    const auto at = next_try(policy, row["cause"].as<std::string>(), attempt, row["finished_at"].as<Instant>(), jitter);
    if (at) tries.push_back({{"device", device}, {"at", to_rfc3339(*at)}});
  }
  if (tries.empty()) return;
  transaction.exec_params0(
      R"sql(
        update rollout_devices q
        set retry_at = i.at
        from jsonb_to_recordset($2::jsonb) as i(device text, at timestamptz)
        where q.rollout_id = $1 and q.device_id = i.device
      )sql",
      record.id, tries.dump());
}

std::vector<RolloutDevice> lock_due_tries(pqxx::work& transaction, std::int64_t rollout, Instant now) {
  static const std::string sql = "select " + rollout_device_columns + R"sql(
    from rollout_devices q
    where q.rollout_id = $1 and q.retry_at <= $2::timestamptz and q.state = )sql" +
                                 sql_word(DeviceStep::failed) + R"sql(
    order by q.device_id
    limit $3
    for update
  )sql";
  return rollout_devices_of(transaction.exec_params(sql, rollout, now, most_tries_at_once));
}

void begin_next_attempt(pqxx::work& transaction, std::int64_t rollout, const std::vector<DeviceMove>& moves) {
  move_devices(transaction, rollout, moves);
  std::vector<std::string> devices;
  for (const auto& move : moves) devices.push_back(move.device);
  transaction.exec_params0(
      R"sql(
        update rollout_devices
        set attempt = attempt + 1, started_at = null, notified_at = null, clock_from = null
        where rollout_id = $1 and device_id in (select unnest($2::text[]))
      )sql",
      rollout, pg_array(devices));
}

}  // namespace argosy::server
