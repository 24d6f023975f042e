#include "server/rollouts/store/plan_store.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/devices/filter.hpp"
#include "server/devices/filter_sql.hpp"
#include "server/devices/presence_sql.hpp"
#include "server/rollouts/core/rollout.hpp"
#include "server/rollouts/store/canary_store.hpp"
#include "server/rollouts/store/reach_store.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

constexpr int rows_a_fetch = 20'000;

// Every row of a query, some thousands at a time: a million of them are never held as a result. `read` says whether to
// go on.
template <class Read>
void for_each_row(pqxx::work& transaction, const std::string& query, const std::vector<std::string>& parameters,
                  Read read) {
  transaction.exec_params0("declare planned_rows no scroll cursor for " + query,
                           pqxx::prepare::make_dynamic_params(parameters));
  const auto fetch = "fetch " + std::to_string(rows_a_fetch) + " from planned_rows";
  bool goes_on = true;
  while (goes_on) {
    const auto rows = transaction.exec(fetch);
    goes_on = rows.size() == static_cast<pqxx::result::size_type>(rows_a_fetch);
    for (const auto& row : rows) {
      if (read(row)) continue;
      goes_on = false;
      break;
    }
  }
  transaction.exec0("close planned_rows");
}

// All, or one more than `most` when there are more.
std::vector<Candidate> select_candidates(pqxx::work& transaction, const Filter& filter,
                                         std::optional<std::size_t> most) {
  const auto condition = to_sql(filter, 1);
  const auto query = R"sql(
    select d.id, d.hardware_class
    from devices d
    left join device_state s on s.device_id = d.id
    where d.revoked_at is null and )sql" +
                     condition.text + (most ? " limit " + std::to_string(*most + 1) : "");
  std::vector<Candidate> candidates;
  for_each_row(transaction, query, condition.parameters, [&](const pqxx::row& row) {
    candidates.push_back({row[0].as<std::string>(), row[1].as<std::string>()});
    return true;
  });
  return candidates;
}

std::vector<std::string> devices_of(const std::vector<Assignment>& set) {
  std::vector<std::string> devices;
  devices.reserve(set.size());
  for (const auto& one : set) devices.push_back(one.device);
  return devices;
}

Result<std::vector<Assignment>> plan_of(const RolloutRecord& record, std::vector<Candidate> candidates) {
  ClassSizes sizes;
  for (const auto& one : candidates) ++sizes[one.hardware_class];
  ARGOSY_TRY(const auto planned, planned_waves(record.policy, record.seed, sizes));
  return plan_waves(record.seed, candidates, planned.shares);
}

PlanDifference compare(pqxx::work& transaction, std::int64_t rollout, std::vector<Assignment> plan) {
  PlanDifference difference;
  difference.total = static_cast<std::int64_t>(plan.size());
  std::sort(plan.begin(), plan.end(), [](const auto& a, const auto& b) { return a.device < b.device; });
  std::vector<bool> is_kept(plan.size(), false);
  const auto rows = "select device_id, wave from rollout_devices where rollout_id = " + std::to_string(rollout);
  for_each_row(transaction, rows, {}, [&](const pqxx::row& row) {
    const std::string_view device(row[0].c_str(), row[0].size());
    const auto found = std::lower_bound(plan.begin(), plan.end(), device,
                                        [](const Assignment& one, std::string_view id) { return one.device < id; });
    if (found == plan.end() || found->device != device) {
      difference.gone.emplace_back(device);
    } else if (found->wave == row[1].as<int>()) {
      is_kept[static_cast<std::size_t>(found - plan.begin())] = true;
    }
    return true;
  });
  for (std::size_t i = 0; i < plan.size(); ++i)
    if (!is_kept[i]) difference.set.push_back(std::move(plan[i]));
  return difference;
}

Result<std::vector<double>> shares_of_rows(pqxx::work& transaction, const RolloutRecord& record, std::int64_t total) {
  if (record.policy.canary == Canary::as_written) return cumulative_shares(record.policy.waves, total);
  ARGOSY_TRY(const auto planned, planned_waves(record.policy, record.seed, count_classes(transaction, record.id)));
  return planned.shares;
}

void plan_later(pqxx::work& transaction, std::int64_t rollout) {
  transaction.exec_params0(
      R"sql(
        insert into rollout_plans (rollout_id)
        values ($1)
        on conflict (rollout_id) do update set attempt = rollout_plans.attempt + 1, done = 0, total = null
      )sql",
      rollout);
}

}  // namespace

void insert_waves(pqxx::work& transaction, std::int64_t rollout, const Policy& policy) {
  const auto shares = cumulative_shares(policy.waves, 0);
  for (std::size_t wave = 0; wave < shares.size(); ++wave) {
    transaction.exec_params0("insert into rollout_waves (rollout_id, wave, share) values ($1, $2, $3)", rollout,
                             static_cast<int>(wave), shares[wave]);
  }
}

Result<void> plan_now_or_later(pqxx::work& transaction, const RolloutRecord& record) {
  ARGOSY_TRY(const auto filter, parse_filter(record.filter));
  auto candidates = select_candidates(transaction, filter, planned_at_once);
  if (candidates.size() > planned_at_once) {
    plan_later(transaction, record.id);
    return {};
  }
  ARGOSY_TRY(auto plan, plan_of(record, std::move(candidates)));
  const auto difference = compare(transaction, record.id, std::move(plan));
  transaction.exec_params0("delete from rollout_plans where rollout_id = $1", record.id);
  write_plan(transaction, record.id, difference.set, difference.gone);
  look_at_reach_again(transaction, devices_of(difference.set));
  return count_plan(transaction, record, difference.total);
}

Result<PlanDifference> compare_plan(pqxx::work& transaction, const RolloutRecord& record) {
  ARGOSY_TRY(const auto filter, parse_filter(record.filter));
  auto candidates = select_candidates(transaction, filter, std::nullopt);
  ARGOSY_TRY(auto plan, plan_of(record, std::move(candidates)));
  return compare(transaction, record.id, std::move(plan));
}

void write_plan(pqxx::work& transaction, std::int64_t rollout, const std::vector<Assignment>& set,
                const std::vector<std::string>& gone) {
  if (!gone.empty()) {
    transaction.exec_params0(
        R"sql(
          delete from rollout_devices
          where rollout_id = $1 and device_id in (select unnest($2::text[]))
        )sql",
        rollout, pg_array(gone));
  }
  if (set.empty()) return;
  std::vector<std::int64_t> waves;
  for (const auto& one : set) waves.push_back(one.wave);
  static const std::string sql = R"sql(
    insert into rollout_devices (rollout_id, device_id, wave, reachable_since)
    select $1, i.device, i.wave, case when )sql" +
                                 reachable_sql("s") + R"sql( then s.presence_since end
    from unnest($2::text[], $3::int[]) as i(device, wave)
    join devices d on d.id = i.device and d.revoked_at is null
    left join device_state s on s.device_id = i.device
    order by i.device
    on conflict (rollout_id, device_id) do update set wave = excluded.wave
  )sql";
  transaction.exec_params0(sql, rollout, pg_array(devices_of(set)), pg_array(waves));
}

// Waves are locked before their rows are counted: a report that moves a row at the same time adds its change either
// before, and is waited for, or afterwards.
Result<void> count_plan(pqxx::work& transaction, const RolloutRecord& record, std::int64_t total) {
  transaction.exec_params("select from rollout_waves where rollout_id = $1 order by wave for update", record.id);
  const auto rows = transaction.exec_params(
      "select wave, state, coalesce(cause, ''), count(*) from rollout_devices where rollout_id = $1 group by 1, 2, 3",
      record.id);
  std::unordered_map<int, Counts> counts;
  std::unordered_map<int, std::int64_t> planned;
  for (const auto& row : rows) {
    const auto wave = row[0].as<int>();
    const auto devices = row[3].as<std::int64_t>();
    counts[wave][count_key(enum_of(row[1], parse_device_step), row[2].as<std::string>())] += devices;
    planned[wave] += devices;
  }
  ARGOSY_TRY(const auto shares, shares_of_rows(transaction, record, total));
  Json waves = Json::array();
  for (int wave = 0; wave < static_cast<int>(shares.size()); ++wave) {
    waves.push_back({{"wave", wave},
                     {"share", shares[static_cast<std::size_t>(wave)]},
                     {"planned", planned[wave]},
                     {"counts", counts[wave]}});
  }
  transaction.exec_params0(
      R"sql(
        update rollout_waves w
        set share = i.share, planned = i.planned, counts = i.counts
        from jsonb_to_recordset($2::jsonb) as i(wave int, share float8, planned int, counts jsonb)
        where w.rollout_id = $1 and w.wave = i.wave
      )sql",
      record.id, waves.dump());
  return {};
}

}  // namespace argosy::server
