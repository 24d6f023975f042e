#include "server/rollouts/store/snapshot_store.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/rollouts/core/clock_sql.hpp"
#include "server/rollouts/core/state_sql.hpp"
#include "server/rollouts/guards/panel_store.hpp"
#include "server/rollouts/store/acknowledgement_store.hpp"
#include "server/rollouts/store/maintenance_store.hpp"
#include "server/rollouts/store/newcomer_store.hpp"
#include "server/rollouts/store/rollout_rows_store.hpp"

namespace argosy::server {
namespace {

WaveView* wave_of(Snapshot& snapshot, const pqxx::field& number) {
  const auto wave = number.as<std::int64_t>();
  if (wave < 0 || wave >= static_cast<std::int64_t>(snapshot.waves.size())) return nullptr;
  return &snapshot.waves[static_cast<std::size_t>(wave)];
}

// Who rests is not told, however reachable. They are found from those that rest, whom many failures in a row made few;
// `offset 0` has it so however the planner guesses: a table that was never analysed looks large to it.
void leave_out_resting(pqxx::work& transaction, const RolloutRecord& record, Instant now, Snapshot& snapshot) {
  static const Statement count_resting_queued{"count_resting_queued", R"sql(
    select q.wave, count(*) as devices
    from device_failures f
    cross join lateral (
      select wave, state, reachable_since
      from rollout_devices
      where rollout_id = $1 and device_id = f.device_id
      offset 0
    ) as q
    where f.model = $2 and f.resting_until > $3::timestamptz and q.reachable_since is not null
      and q.state = )sql" + sql_word(DeviceStep::queued) +
                                                                          R"sql(
    group by q.wave
  )sql"};
  for (const auto& row : exec_prepared(transaction, count_resting_queued, record.id, record.model, now)) {
    if (auto* wave = wave_of(snapshot, row["wave"])) wave->queued_reachable -= row["devices"].as<std::int64_t>();
  }
}

void count_in_windows(pqxx::work& transaction, const RolloutRecord& record, const std::vector<std::string>& zones,
                      Instant now, Snapshot& snapshot) {
  // The open wave first: it must not look empty because stragglers of earlier waves fill the limit.
  static const Statement count_queued{"count_queued_in_zones", R"sql(
    select wave, count(*)
    from (
      select q.wave
      from rollout_devices q
      join devices d on d.id = q.device_id
      where q.rollout_id = $1 and q.reachable_since is not null and q.wave <= $2
        and q.state = )sql" + sql_word(DeviceStep::queued) +
                                                                   R"sql(
        and ($4 or not exists (
          select
          from device_failures f
          where f.device_id = q.device_id and f.model = $5 and f.resting_until > $6::timestamptz
        ))
        and )sql" + zone_sql("$8") + R"sql( = any($7::text[])
      order by q.wave desc
      limit $3
    ) as reachable
    group by wave
  )sql"};
  const auto rows =
      exec_prepared(transaction, count_queued, record.id, record.wave, record.policy.max_in_progress,
                    record.policy.include_resting, record.model, now, pg_array(zones), zone_parameter(record.policy));
  for (const auto& row : rows) {
    if (auto* wave = wave_of(snapshot, row[0])) wave->queued_reachable = row[1].as<std::int64_t>();
  }
}

// What is kept by wave knows no zones: only while some windows are open and others are not, devices are looked at.
void load_queued(pqxx::work& transaction, const RolloutRecord& record, Instant now, Snapshot& snapshot) {
  const auto open = open_zones(record.policy, snapshot.zones);
  if (!open || open->size() == snapshot.zones.size()) {
    if (!record.policy.include_resting) leave_out_resting(transaction, record, now, snapshot);
    return;
  }
  for (auto& wave : snapshot.waves) wave.queued_reachable = 0;
  if (!open->empty()) count_in_windows(transaction, record, *open, now, snapshot);
}

// A row or two from the front of an index each, however many devices are at work.
std::optional<Instant> find_oldest_clock(pqxx::work& transaction, std::int64_t rollout) {
  const auto oldest = [](const ClockSql& clock) {
    return "(select " + clock.since + " from rollout_devices q where q.rollout_id = $1 and " + clock.runs +
           " order by " + clock.since + " limit 1)";
  };
  static const Statement oldest_clock{
      "oldest_clock", "select least(" + oldest(clock_of_begun()) + ", " + oldest(clock_of_told()) + ")"};
  return optional_of<Instant>(exec_prepared(transaction, oldest_clock, rollout)[0][0]);
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

std::string planning_text(const Planning& planning) {
  const std::string what = "its devices are being planned";
  if (!planning.total) return what;
  return what + ": " + std::to_string(planning.done) + " of " + std::to_string(*planning.total);
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
  snapshot.overrides_guards = record.overrides_guards;
  snapshot.stopping = record.told_up_to.has_value();
  if (record.planning) snapshot.planning = planning_text(*record.planning);
  for (const auto& wave : record.waves) {
    snapshot.waves.push_back({.planned = wave.planned,
                              .counts = wave.counts,
                              .opened_at = wave.opened_at,
                              .bake_started_at = wave.bake_started_at,
                              .queued_reachable = wave.reach.queued,
                              .running_reachable = wave.reach.running,
                              .fetching_reachable = wave.reach.fetching,
                              .suspects = wave.reach.suspects,
                              .too_few = wave.too_few});
    snapshot.rolling_back_reachable += wave.reach.going_back;
  }
  snapshot.acknowledged = load_acknowledged(transaction, record.id);
  snapshot.zones = load_zones(transaction, record.policy, now);
  count_in_zones(transaction, record, snapshot.zones);
  // The counts tell where there is nothing to look for.
  const auto total = total_counts(record);
  if (count_of(total, "queued") > 0) load_queued(transaction, record, now, snapshot);
  // With maintenance windows each zone has a clock of its own.
  if (in_progress(total) > 0 && !record.policy.maintenance)
    snapshot.oldest_clock = find_oldest_clock(transaction, record.id);
  snapshot.standing = record.standing;
  snapshot.stands = record.stands_since.has_value();
  snapshot.newcomers = load_newcomers(transaction, record).latest;
  if (record.state == RolloutState::completed && !snapshot.stands && count_of(total, "queued") > 0)
    snapshot.has_untold_newcomers = has_untold_newcomers(transaction, record);
  if (!record.policy.retry.causes.empty()) load_tries(transaction, record.id, now, snapshot);
  return snapshot;
}

}  // namespace argosy::server
