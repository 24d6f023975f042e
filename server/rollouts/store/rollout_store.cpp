#include "server/rollouts/store/rollout_store.hpp"

#include <utility>

#include <nlohmann/json.hpp>
#include <pqxx/pqxx>
#include <spdlog/spdlog.h>

#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"
#include "server/rollouts/core/newcomers.hpp"
#include "server/rollouts/core/recall.hpp"
#include "server/rollouts/core/state_sql.hpp"
#include "server/rollouts/store/canary_store.hpp"
#include "server/rollouts/store/earlier_store.hpp"
#include "server/rollouts/store/launch_store.hpp"
#include "server/rollouts/store/maintenance_store.hpp"
#include "server/rollouts/store/newcomer_store.hpp"
#include "server/rollouts/store/plan_store.hpp"
#include "server/rollouts/store/release_rows_store.hpp"
#include "server/rollouts/store/rollout_rows_store.hpp"
#include "server/rollouts/store/shadow_store.hpp"
#include "server/rollouts/store/snapshot_store.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

// `records` have ids; one query for all.
void load_bytes(pqxx::work& transaction, std::vector<RolloutRecord>& records) {
  std::vector<std::int64_t> ids;
  for (const auto& record : records) ids.push_back(record.id);
  // Each device says how much it fetched, up to 2^53: their sum needs no more to be believed.
  const auto rows = transaction.exec_params(
      R"sql(
        select rollout_id, least(sum(bytes_sent), 9007199254740992)::bigint as bytes_sent,
          least(sum(bytes_full), 9007199254740992)::bigint as bytes_full
        from rollout_waves
        where rollout_id in (select unnest($1::bigint[]))
        group by rollout_id
      )sql",
      pg_array(ids));
  for (const auto& row : rows) {
    for (auto& record : records) {
      if (record.id != row["rollout_id"].as<std::int64_t>()) continue;
      record.bytes_sent = row["bytes_sent"].as<std::int64_t>();
      record.bytes_full = row["bytes_full"].as<std::int64_t>();
    }
  }
}

Result<RolloutRecord> load_whole(pqxx::work& transaction, std::int64_t id) {
  ARGOSY_TRY(auto record, load_rollout(transaction, id, Lock::none));
  std::vector<RolloutRecord> one{std::move(record)};
  load_bytes(transaction, one);
  one.front().warnings = warnings_of(load_earlier_troubles(transaction, one.front()));
  one.front().notes = standing_notes(one.front(), load_others_that_stand(transaction, one.front()));
  one.front().canary_reach_json = load_canary_reach(transaction, id);
  return std::move(one.front());
}

Result<void> check_not_withdrawn(pqxx::work& transaction, std::int64_t release, const NewRollout& wanted) {
  const auto withdrawal = load_withdrawal(transaction, release);
  if (!withdrawal) return {};
  return make_error(Errc::conflict,
                    withdrawn_sentence(wanted.model, wanted.version, *withdrawal) + "; roll out another version");
}

Result<void> check_exists(pqxx::work& transaction, std::int64_t id) {
  if (!transaction.exec_params("select from rollouts where id = $1", id).empty()) return {};
  return make_error(Errc::not_found, "there is no rollout " + std::to_string(id));
}

RolloutDeviceRecord device_of(const pqxx::row& row) {
  RolloutDeviceRecord device;
  device.device = row["device_id"].as<std::string>();
  device.wave = row["wave"].as<int>();
  device.step = enum_of(row["state"], parse_device_step);
  device.cause = row["cause"].as<std::string>("");
  device.message = row["message"].as<std::string>();
  device.attempt = row["attempt"].as<int>();
  device.source = row["source"].as<std::string>("");
  device.bytes = optional_of<std::int64_t>(row["bytes"]);
  device.full_bytes = optional_of<std::int64_t>(row["full_bytes"]);
  device.numbers_json = row["numbers"].as<std::string>();
  device.notified_at = optional_of<Instant>(row["notified_at"]);
  device.started_at = optional_of<Instant>(row["started_at"]);
  device.retry_at = optional_of<Instant>(row["retry_at"]);
  device.resting_until = optional_of<Instant>(row["resting_until"]);
  device.finished_at = optional_of<Instant>(row["finished_at"]);
  device.shadow = shadow_of(row);
  device.joined_at = optional_of<Instant>(row["joined_at"]);
  return device;
}

}  // namespace

Result<std::int64_t> check_new_rollout(pqxx::work& transaction, const NewRollout& wanted, Instant now) {
  if (wanted.start_at) ARGOSY_CHECK(check_start_at(*wanted.start_at, now));
  ARGOSY_CHECK(check_time_zone(transaction, wanted.policy));
  ARGOSY_TRY(const auto release, find_release(transaction, wanted.model, wanted.version));
  ARGOSY_CHECK(check_not_withdrawn(transaction, release, wanted));
  return release;
}

Result<RolloutRecord> CreateRollout::operator()(pqxx::work& transaction) const {
  ARGOSY_TRY(const auto release, check_new_rollout(transaction, wanted, now));
  const auto id =
      transaction
          .exec_params1(
              R"sql(
                            insert into rollouts (name, model, release_id, filter, policy, seed, created_by,
                              created_at, created_by_person, start_at, standing)
                            values ($1, $2, $3, $4, $5::jsonb, $6, $7, $8::timestamptz, $9, $10::timestamptz, $11)
                            returning id
                          )sql",
              wanted.name, wanted.model, release, wanted.filter, encode(wanted.policy).dump(),
              static_cast<std::int64_t>(wanted.seed), actor, now, wanted.person, wanted.start_at, wanted.standing)[0]
          .as<std::int64_t>();
  insert_waves(transaction, id, wanted.policy);
  ARGOSY_TRY(auto record, load_rollout(transaction, id, Lock::none));
  ARGOSY_TRY(const auto refused, find_canary_refusal(transaction, record));
  if (!refused.empty()) return make_error(Errc::unprocessable, refused);
  ARGOSY_CHECK(plan_again(transaction, record, now));
  append_audit(
      transaction, actor, "rollout.create", "rollout/" + std::to_string(id),
      Json{{"name", wanted.name}, {"model", wanted.model}, {"version", wanted.version}, {"standing", wanted.standing}}
          .dump());
  return load_whole(transaction, id);
}

Result<RolloutRecord> GetRollout::operator()(pqxx::work& transaction) const {
  return load_whole(transaction, id);
}

Result<RolloutDetails> GetRolloutDetails::operator()(pqxx::work& transaction) const {
  RolloutDetails details;
  ARGOSY_TRY(details.record, load_whole(transaction, id));
  const auto snapshot = load_snapshot(transaction, details.record, now);
  details.guards = snapshot.guards;
  details.gate = gate_status(snapshot, now);
  return details;
}

Result<RolloutPage<RolloutRecord>> ListRollouts::operator()(pqxx::work& transaction) const {
  RolloutPage<RolloutRecord> page;
  page.total = transaction.exec1("select count(*) from rollouts")[0].as<std::int64_t>();
  const auto rows = transaction.exec_params("select id from rollouts where id < $1 order by id desc limit $2", before,
                                            static_cast<std::int64_t>(limit) + 1);
  for (const auto& row : rows) {
    if (page.items.size() == limit) {
      page.more = true;
      break;
    }
    ARGOSY_TRY(auto record, load_rollout(transaction, row[0].as<std::int64_t>(), Lock::none));
    page.items.push_back(std::move(record));
  }
  load_bytes(transaction, page.items);
  return page;
}

Result<RolloutPage<RolloutDeviceRecord>> ListRolloutDevices::operator()(pqxx::work& transaction) const {
  ARGOSY_CHECK(check_exists(transaction, id));
  static const std::string from = " from rollout_devices q";
  static const std::string where = " where q.rollout_id = $1 and ($2 = '' or $2 = state or $2 = cause)";
  static const std::string select = R"sql(
    select q.device_id, wave, state, cause, message, q.attempt, source, bytes, full_bytes, numbers, notified_at,
      started_at, finished_at, joined_at, )sql" +
                                    shadow_columns + R"sql(, (
        select q.retry_at
        from rollouts r
        where r.id = q.rollout_id and (r.stands_since is not null or r.state in ()sql" +
                                    sql_states(is_open) + R"sql())
      ) as retry_at, (
        select f.resting_until
        from device_failures f
        join rollouts r on r.id = q.rollout_id and f.model = r.model
        where f.device_id = q.device_id and f.resting_until > $5::timestamptz
      ) as resting_until
  )sql" + from + " left join rollout_shadows h on h.rollout_id = q.rollout_id and h.device_id = q.device_id" +
                                    where + " and q.device_id > $3 order by q.device_id limit $4";
  RolloutPage<RolloutDeviceRecord> page;
  page.total = transaction.exec_params1("select count(*)" + from + where, id, key)[0].as<std::int64_t>();
  for (const auto& row : transaction.exec_params(select, id, key, after, static_cast<std::int64_t>(limit) + 1, now)) {
    if (page.items.size() == limit) {
      page.more = true;
      break;
    }
    page.items.push_back(device_of(row));
  }
  return page;
}

Result<RolloutPage<DecisionRecord>> ListDecisions::operator()(pqxx::work& transaction) const {
  ARGOSY_CHECK(check_exists(transaction, id));
  static const char* const select = R"sql(
    select id, at, actor, rule, decision, message, inputs
    from rollout_decisions
    where rollout_id = $1 and id < $2
    order by id desc
    limit $3
  )sql";
  RolloutPage<DecisionRecord> page;
  page.total = transaction.exec_params1("select count(*) from rollout_decisions where rollout_id = $1", id)[0]
                   .as<std::int64_t>();
  for (const auto& row : transaction.exec_params(select, id, before, static_cast<std::int64_t>(limit) + 1)) {
    if (page.items.size() == limit) {
      page.more = true;
      break;
    }
    page.items.push_back({row["id"].as<std::int64_t>(), row["at"].as<Instant>(), row["actor"].as<std::string>(),
                          row["rule"].as<std::string>(), row["decision"].as<std::string>(),
                          row["message"].as<std::string>(), row["inputs"].as<std::string>()});
  }
  return page;
}

std::vector<RolloutRecord> ListActiveRollouts::operator()(pqxx::work& transaction) const {
  // A rollout that has ended still has devices to tell, to hear of or to bring back; one that stands has outcomes of
  // newcomers to judge, and failures to try again.
  static const std::string sql = R"sql(
    select id
    from rollouts r
    where state in ()sql" + sql_states(is_due_for_ticks) +
                                 R"sql()
      or (state in ()sql" + sql_states(has_ended) +
                                 R"sql() and exists (
        select
        from rollout_waves w
        where w.rollout_id = r.id and w.counts ?| array[)sql" +
                                 sql_steps(is_in_progress) + R"sql(]
          or (r.state = )sql" + sql_word(RolloutState::completed) +
                                 R"sql(
            and w.rollout_id = r.id and w.counts ? )sql" +
                                 sql_word(DeviceStep::queued) + R"sql()
      ))
      or told_up_to is not null
      or (r.stands_since is not null and (
        exists (select from release_withdrawals x where x.release_id = r.release_id)
        or exists (select from rollout_devices q where q.rollout_id = r.id and q.retry_at is not null)
        or exists (
          select
          from rollout_devices q
          where q.rollout_id = r.id and q.joined_at is not null and q.finished_at > r.newcomers_judged_up_to
            and (q.cause is null or q.cause not in ()sql" +
                                 sql_causes(is_neutral_cause) + R"sql())
        )
      ))
    order by told_up_to is null, id
  )sql";
  const auto rows = transaction.exec_params(sql);
  std::vector<RolloutRecord> records;
  for (const auto& row : rows) {
    auto record = load_rollout(transaction, row[0].as<std::int64_t>(), Lock::none);
    if (!record) spdlog::error("rollout {} is passed over: {}", row[0].as<std::int64_t>(), record.error().message);
    if (record) records.push_back(std::move(*record));
  }
  return records;
}

}  // namespace argosy::server
