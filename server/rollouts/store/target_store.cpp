#include "server/rollouts/store/target_store.hpp"

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"

namespace argosy::server {

using Json = nlohmann::json;

void set_targets(pqxx::work& transaction, const std::string& model, const std::vector<TargetChange>& changes,
                 Instant now, DueClass due) {
  Json set = Json::array();
  std::vector<std::string> gone;
  std::vector<std::string> touched;
  for (const auto& change : changes) {
    touched.push_back(change.device);
    if (!change.release) {
      gone.push_back(change.device);
      continue;
    }
    set.push_back({{"device", change.device},
                   {"release", *change.release},
                   {"rollout", json_of(change.rollout)},
                   {"attempt", change.attempt}});
  }
  if (!set.empty()) {
    transaction.exec_params0(
        R"sql(
          insert into device_targets (device_id, model, release_id, rollout_id, attempt, since)
          select i.device, $2, i.release, i.rollout, i.attempt, $3::timestamptz
          from jsonb_to_recordset($1::jsonb) as i(device text, release bigint, rollout bigint, attempt int)
          order by i.device
          on conflict (device_id, model) do update set release_id = excluded.release_id,
            rollout_id = excluded.rollout_id, attempt = excluded.attempt, since = excluded.since
        )sql",
        set.dump(), model, now);
  }
  if (!gone.empty()) {
    transaction.exec_params0("delete from device_targets where model = $2 and device_id in (select unnest($1::text[]))",
                             pg_array(gone), model);
  }
  touch_desired(transaction, touched, due);
}

}  // namespace argosy::server
