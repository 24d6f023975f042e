#include "server/telemetry/watch_store.hpp"

namespace argosy::server {

SeenSlice FindSeen::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      "with slice as materialized (select device_id, last_seen_at from device_state where device_id > $1 "
      "                            order by device_id limit $2) "
      "select m.device_id, m.model, (extract(epoch from s.last_seen_at) * 1000)::bigint, false "
      "from slice s cross join lateral (select device_id, model from device_models where device_id = s.device_id "
      "                                 order by model limit 64) m where s.last_seen_at >= $3::timestamptz "
      "union all select coalesce(max(device_id), ''), '', count(*), true from slice",
      after, devices, to_rfc3339(since));
  SeenSlice slice;
  for (const auto& row : rows) {
    if (row[3].as<bool>()) {
      slice.last_device = row[0].as<std::string>();
      slice.devices = row[2].as<std::size_t>();
    } else {
      slice.pairs.push_back(
          {{row[0].as<std::string>(), row[1].as<std::string>()}, instant_from_ms(row[2].as<std::int64_t>())});
    }
  }
  return slice;
}

}  // namespace argosy::server
