#include "server/rollouts/store/snapshot_store.hpp"

#include <utility>

#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/devices/presence_sql.hpp"
#include "server/rollouts/core/state_sql.hpp"
#include "server/rollouts/guards/panel_store.hpp"
#include "server/rollouts/store/acknowledgement_store.hpp"
#include "server/rollouts/store/device_rows_store.hpp"
#include "server/rollouts/store/maintenance_store.hpp"
#include "server/rollouts/store/rollout_rows_store.hpp"

namespace argosy::server {
namespace {

WaveView* wave_of(Snapshot& snapshot, const pqxx::field& number) {
  const auto wave = number.as<std::int64_t>();
  if (wave < 0 || wave >= static_cast<std::int64_t>(snapshot.waves.size())) return nullptr;
  return &snapshot.waves[static_cast<std::size_t>(wave)];
}

void load_queued(pqxx::work& transaction, const RolloutRecord& record, Instant now, Snapshot& snapshot) {
  // The open wave first: it must not look empty because stragglers of earlier waves fill the limit.
  static const Statement count_queued{"count_queued", R"sql(
    select wave, count(*)
    from (
      select q.wave
      from rollout_devices q
      join device_state s on s.device_id = q.device_id and )sql" +
                                                          reachable_sql("s") + R"sql(
      where q.rollout_id = $1 and q.state = )sql" + sql_word(DeviceStep::queued) +
                                                          R"sql( and q.wave <= $2
        and ($4 or not exists (
          select
          from device_failures f
          where f.device_id = q.device_id and f.model = $5 and f.resting_until > $6::timestamptz
        ))
        and ($7::text[] is null or exists (
          select from devices d where d.id = q.device_id and )sql" +
                                                          zone_sql("$8") + R"sql( = any($7::text[])))
      order by q.wave desc
      limit $3
    ) as reachable
    group by wave
  )sql"};
  const auto zones = open_zones(record.policy, snapshot.zones);
  const auto rows = exec_prepared(
      transaction, count_queued, record.id, record.wave, record.policy.max_in_progress, record.policy.include_resting,
      record.model, now, zones ? std::optional(pg_array(*zones)) : std::nullopt, zone_parameter(record.policy));
  for (const auto& row : rows) {
    if (auto* wave = wave_of(snapshot, row[0])) wave->queued_reachable = row[1].as<std::int64_t>();
  }
}

void load_running(pqxx::work& transaction, const RolloutRecord& record, Snapshot& snapshot) {
  static const Statement count_running{"count_running", R"sql(
    select wave, count(*) filter (where reachable) as running_reachable,
      count(*) filter (where reachable and state in ()sql" + sql_steps(is_fetching) +
                                                            R"sql()) as fetching_reachable,
      count(*) filter (where not reachable and state in ()sql" +
                                                            sql_steps(is_switching) + R"sql()) as suspects,
      min(clock) as oldest_clock
    from (
      select q.wave, q.state, )sql" + clock_sql() + R"sql( as clock,
        coalesce()sql" + reachable_sql("s") + R"sql(, false) as reachable
      from rollout_devices q
      left join device_state s on s.device_id = q.device_id
      where q.rollout_id = $1 and q.state in ()sql" + sql_steps(is_in_progress) +
                                                            R"sql()
    ) as t
    group by wave
  )sql"};
  for (const auto& row : exec_prepared(transaction, count_running, record.id)) {
    if (auto* wave = wave_of(snapshot, row["wave"])) {
      wave->running_reachable = row["running_reachable"].as<std::int64_t>();
      wave->fetching_reachable = row["fetching_reachable"].as<std::int64_t>();
      wave->suspects = row["suspects"].as<std::int64_t>();
    }
    if (record.policy.maintenance) continue;  // each zone has a clock of its own
    const auto clock = optional_of<Instant>(row["oldest_clock"]);
    if (clock && (!snapshot.oldest_clock || *clock < *snapshot.oldest_clock)) snapshot.oldest_clock = clock;
  }
}

void load_tries(pqxx::work& transaction, std::int64_t rollout, Instant now, Snapshot& snapshot) {
  static const Statement count_tries{"count_tries", R"sql(
    select wave, count(*) as ahead, count(*) filter (where retry_at <= $2::timestamptz) as due
    from rollout_devices
    where rollout_id = $1 and retry_at is not null
    group by wave
  )sql"};
  for (const auto& row : exec_prepared(transaction, count_tries, rollout, now)) {
    snapshot.tries_due += row["due"].as<std::int64_t>();
    if (auto* wave = wave_of(snapshot, row["wave"])) wave->tries_ahead = row["ahead"].as<std::int64_t>();
  }
}

std::int64_t count_going_back(pqxx::work& transaction, std::int64_t rollout) {
  static const Statement going_back{"count_going_back", R"sql(
    select count(*)
    from rollout_devices q
    join device_state s on s.device_id = q.device_id and )sql" +
                                                            reachable_sql("s") + R"sql(
    where q.rollout_id = $1 and q.state = )sql" + sql_word(DeviceStep::rolling_back)};
  return exec_prepared(transaction, going_back, rollout)[0][0].as<std::int64_t>();
}

}  // namespace

Snapshot load_snapshot(pqxx::work& transaction, const RolloutRecord& record, Instant now) {
  Snapshot snapshot;
  snapshot.state = record.state;
  snapshot.policy = record.policy;
  snapshot.wave = record.wave;
  snapshot.guards = load_verdicts(transaction, record);
  snapshot.fault = record.fault;
  snapshot.withdrawn = situation_of(record).withdrawn;
  snapshot.pace_spent_until = record.pace_spent_until;
  snapshot.start_at = record.start_at;
  snapshot.looked_for_more_at = record.looked_for_more_at;
  snapshot.promote_all = record.promote_all;
  snapshot.stopping = record.told_up_to.has_value();
  for (const auto& wave : record.waves) {
    snapshot.waves.push_back({.planned = wave.planned,
                              .counts = wave.counts,
                              .opened_at = wave.opened_at,
                              .bake_started_at = wave.bake_started_at});
  }
  snapshot.acknowledged = load_acknowledged(transaction, record.id);
  snapshot.zones = load_zones(transaction, record.policy, now);
  count_in_zones(transaction, record, snapshot.zones);
  // The counts tell where there is nothing to look for.
  const auto total = total_counts(record);
  if (count_of(total, "queued") > 0) load_queued(transaction, record, now, snapshot);
  if (in_progress(total) > 0) load_running(transaction, record, snapshot);
  if (!record.policy.retry.causes.empty()) load_tries(transaction, record.id, now, snapshot);
  if (count_of(total, "rolling_back") == 0) return snapshot;
  snapshot.rolling_back_reachable = count_going_back(transaction, record.id);
  return snapshot;
}

}  // namespace argosy::server
