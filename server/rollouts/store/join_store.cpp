#include "server/rollouts/store/join_store.hpp"

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/devices/filter.hpp"
#include "server/devices/filter_sql.hpp"
#include "server/devices/presence_sql.hpp"
#include "server/rollouts/core/state_sql.hpp"
#include "server/rollouts/store/decision_store.hpp"
#include "server/rollouts/store/reach_store.hpp"

namespace argosy::server {
namespace {

constexpr std::int64_t most_newcomers = 1000;

std::int64_t insert_newcomers(pqxx::work& transaction, const RolloutRecord& record, const Filter& filter, int wave) {
  const auto condition = to_sql(filter, 3);
  std::vector<std::string> parameters{std::to_string(record.id), std::to_string(wave)};
  parameters.insert(parameters.end(), condition.parameters.begin(), condition.parameters.end());
  const auto rows = transaction.exec_params(
      R"sql(
        insert into rollout_devices (rollout_id, device_id, wave, reachable_since)
        select $1::bigint, d.id, $2::int, case when )sql" +
          reachable_sql("s") + R"sql( then s.presence_since end
        from devices d
        left join device_state s on s.device_id = d.id
        where d.revoked_at is null
          and not exists (select from rollout_devices q where q.rollout_id = $1::bigint and q.device_id = d.id)
          and )sql" +
          condition.text + " order by d.id limit " + std::to_string(most_newcomers) + " returning device_id",
      pqxx::prepare::make_dynamic_params(parameters));
  std::vector<std::string> newcomers;
  for (const auto& row : rows) newcomers.push_back(row[0].as<std::string>());
  look_at_reach_again(transaction, newcomers);
  return static_cast<std::int64_t>(newcomers.size());
}

}  // namespace

// The wave may have been empty, and then never was opened when its turn came.
void count_joined(pqxx::work& transaction, const RolloutRecord& record, int wave, const std::string& key,
                  std::int64_t devices, Instant now) {
  transaction.exec_params0(
      R"sql(
        update rollout_waves
        set planned = planned + $3,
          counts = counts || jsonb_build_object($4::text, coalesce((counts ->> $4::text)::bigint, 0) + $3),
          opened_at = case when $2 <= $5 then coalesce(opened_at, $6::timestamptz) else opened_at end
        where rollout_id = $1 and wave = $2
      )sql",
      record.id, wave, devices, key, record.wave, now);
}

Result<std::int64_t> join_devices(pqxx::work& transaction, const RolloutRecord& record, const Join& join, Instant now) {
  ARGOSY_TRY(const auto filter, parse_filter(record.filter));
  const auto joined = insert_newcomers(transaction, record, filter, join.wave);
  const bool all = joined < most_newcomers;
  transaction.exec_params0("update rollouts set looked_for_more_at = $2::timestamptz where id = $1", record.id,
                           all ? std::optional(now) : record.looked_for_more_at);
  if (joined == 0) return joined;
  count_joined(transaction, record, join.wave, std::string(to_string(DeviceStep::queued)), joined, now);
  log_decision(transaction, record, "engine",
               {"targets",
                "join",
                std::to_string(joined) + " devices that match the filter now join " + wave_name(join.wave),
                {{"joined", joined}}},
               now);
  return joined;
}

}  // namespace argosy::server
