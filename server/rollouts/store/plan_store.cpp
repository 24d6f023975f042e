#include "server/rollouts/store/plan_store.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/devices/filter_sql.hpp"
#include "server/rollouts/core/rollout.hpp"
#include "server/rollouts/core/wave_plan.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

constexpr std::size_t rows_a_statement = 5000;

std::vector<Candidate> select_candidates(pqxx::work& transaction, const Filter& filter) {
  const auto condition = to_sql(filter, 1);
  const auto rows = transaction.exec_params(
      R"sql(
        select d.id, d.hardware_class
        from devices d
        left join device_state s on s.device_id = d.id
        where d.revoked_at is null and )sql" +
          condition.text,
      pqxx::prepare::make_dynamic_params(condition.parameters));
  std::vector<Candidate> candidates;
  candidates.reserve(rows.size());
  for (const auto& row : rows) candidates.push_back({row[0].as<std::string>(), row[1].as<std::string>()});
  return candidates;
}

void insert_waves(pqxx::work& transaction, std::int64_t rollout, const std::vector<double>& shares,
                  const std::vector<std::int64_t>& planned) {
  for (std::size_t wave = 0; wave < shares.size(); ++wave) {
    const Json counts = planned[wave] > 0 ? Json{{to_string(DeviceStep::queued), planned[wave]}} : Json::object();
    transaction.exec_params0(
        "insert into rollout_waves (rollout_id, wave, share, planned, counts) values ($1, $2, $3, $4, $5::jsonb)",
        rollout, static_cast<int>(wave), shares[wave], planned[wave], counts.dump());
  }
}

void insert_devices(pqxx::work& transaction, std::int64_t rollout, const std::vector<Assignment>& plan) {
  for (std::size_t from = 0; from < plan.size(); from += rows_a_statement) {
    Json rows = Json::array();
    const auto to = std::min(plan.size(), from + rows_a_statement);
    for (std::size_t i = from; i < to; ++i) rows.push_back({{"device", plan[i].device}, {"wave", plan[i].wave}});
    transaction.exec_params0(
        R"sql(
          insert into rollout_devices (rollout_id, device_id, wave)
          select $1, i.device, i.wave
          from jsonb_to_recordset($2::jsonb) as i(device text, wave int)
        )sql",
        rollout, rows.dump());
  }
}

}  // namespace

std::int64_t plan_devices(pqxx::work& transaction, std::int64_t rollout, const Filter& filter, const Policy& policy,
                          std::uint64_t seed) {
  transaction.exec_params0("delete from rollout_devices where rollout_id = $1", rollout);
  transaction.exec_params0("delete from rollout_waves where rollout_id = $1", rollout);
  const auto candidates = select_candidates(transaction, filter);
  const auto shares = cumulative_shares(policy.waves, static_cast<std::int64_t>(candidates.size()));
  const auto plan = plan_waves(seed, candidates, shares);
  std::vector<std::int64_t> planned(shares.size(), 0);
  for (const auto& place : plan) ++planned[static_cast<std::size_t>(place.wave)];
  insert_waves(transaction, rollout, shares, planned);
  insert_devices(transaction, rollout, plan);
  return static_cast<std::int64_t>(plan.size());
}

}  // namespace argosy::server
