#include "server/telemetry/due_pairs_sql.hpp"

#include <nlohmann/json.hpp>

namespace argosy::server {

std::string due_pairs_json(const std::vector<DuePair>& due) {
  auto pairs = nlohmann::json::array();
  for (const auto& [pair, at, order, earliest] : due)
    pairs.push_back({{"n", pairs.size()}, {"device", pair.device}, {"model", pair.model}});
  return pairs.dump();
}

// The limit on devices keeps the planner from reading all of them for some hundred.
std::string served_pairs_sql() {
  return R"sql(
    jsonb_to_recordset($1::jsonb) as p(n int, device text, model text)
    cross join lateral (select id from devices where id = p.device and revoked_at is null limit 1) d
    cross join lateral (
      select version
      from telemetry_windows
      where device_id = p.device
        and model = p.model
        and started_at > $2::timestamptz
        and started_at < $3::timestamptz
      order by started_at desc
      limit 1
    ) w
  )sql";
}

}  // namespace argosy::server
