#include "server/monitoring/fleet_figures_store.hpp"

#include <map>
#include <string>

#include "common/json/json_text.hpp"
#include "server/rollouts/core/state_sql.hpp"

namespace argosy::server {
namespace {

// The last column counts, those before it are the labels.
std::vector<FleetTally> tallies_of(const pqxx::result& rows) {
  std::vector<FleetTally> tallies;
  for (const auto& row : rows) {
    FleetTally tally;
    for (pqxx::row::size_type i = 0; i + 1 < row.size(); ++i) tally.of.push_back(row[i].as<std::string>());
    tally.count = row[row.size() - 1].as<std::int64_t>();
    tallies.push_back(std::move(tally));
  }
  return tallies;
}

std::vector<FleetTally> counted(pqxx::work& transaction, const char* kind) {
  return tallies_of(transaction.exec_params(
      "select value, devices from fleet_totals where kind = $1 order by 2 desc, 1 limit 5000", kind));
}

std::vector<FleetTally> steps_of(const std::map<std::string, std::int64_t>& counts) {
  std::vector<FleetTally> steps;
  for (const auto& [step, devices] : counts) steps.push_back({{step}, devices});
  return steps;
}

std::vector<RolloutProgress> read_progress(pqxx::work& transaction) {
  static const std::string sql = R"sql(
    select r.id, r.model, v.version, r.wave, coalesce(w.counts, '{}') as counts
    from (
      select id, model, release_id, wave
      from rollouts
      where state in ()sql" + sql_states(is_active) +
                                 R"sql()
      order by id desc
      limit 20
    ) r
    join releases v on v.id = r.release_id
    left join rollout_waves w on w.rollout_id = r.id
    order by r.id desc, w.wave
  )sql";
  std::vector<RolloutProgress> rollouts;
  std::map<std::string, std::int64_t> counts;
  for (const auto& row : transaction.exec(sql)) {
    const auto id = row["id"].as<std::int64_t>();
    if (rollouts.empty() || rollouts.back().id != id) {
      counts.clear();
      rollouts.push_back({id,
                          row["model"].as<std::string>(),
                          row["version"].as<std::string>(),
                          row["wave"].as<std::int64_t>(),
                          0,
                          {}});
    }
    ++rollouts.back().waves;
    const auto of_wave = json_or_null(row["counts"].as<std::string>());
    for (const auto& [step, count] : of_wave.items())
      if (count.is_number_integer()) counts[step] += count.get<std::int64_t>();
    rollouts.back().steps = steps_of(counts);
  }
  return rollouts;
}

}  // namespace

FleetFigures ReadFleetFigures::operator()(pqxx::work& transaction) const {
  FleetFigures figures;
  figures.presence = counted(transaction, "presence");
  figures.classes = counted(transaction, "class");
  figures.agents = counted(transaction, "agent");
  figures.models = tallies_of(transaction.exec(
      "select name, value, devices from fleet_totals where kind = 'model' order by 3 desc, 1, 2 limit 5000"));
  figures.alerts = tallies_of(transaction.exec(
      R"sql(
        select rule, severity, state, count(*)
        from (
          select rule, severity, case when inhibited_by is not null then 'inhibited'
              when silenced_by is not null then 'silenced' else state end as state
          from alerts
          where state <> 'resolved'
          limit 100000
        ) as open
        group by 1, 2, 3
        order by 1, 2, 3
      )sql"));
  figures.drifting = tallies_of(transaction.exec(
      R"sql(
        select model, version, count(distinct device_id)
        from (select model, version, device_id from drift_state where drifted limit 100000) as drifted
        group by 1, 2
        order by 3 desc, 1, 2
      )sql"));
  figures.rollouts = tallies_of(transaction.exec("select state, count(*) from rollouts group by 1"));
  figures.progress = read_progress(transaction);
  figures.quarantine = tallies_of(transaction.exec(
      R"sql(
        select kind, count(*)
        from (
          select kind
          from quarantine
          where ended_at is null
            and last_at > now() - interval '1 day'
          limit 100000
        ) as held
        group by 1
        order by 1
      )sql"));
  return figures;
}

}  // namespace argosy::server
