#include "server/telemetry/watch_store.hpp"

#include "server/db/rows.hpp"

namespace argosy::server {

SeenSlice FindSeen::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      R"sql(
        with slice as materialized (
          select device_id, last_seen_at from device_state where device_id > $1 order by device_id limit $2
        )
        select m.device_id, m.model, s.last_seen_at, null::bigint as devices
        from slice s
        cross join lateral (
          select device_id, model from device_models where device_id = s.device_id order by model limit 64
        ) m
        where s.last_seen_at >= $3::timestamptz
        union all
        select device_id, '', last_seen_at, null
        from slice
        where $4 and last_seen_at >= $3::timestamptz
        union all
        select coalesce(max(device_id), ''), '', null, count(*)
        from slice
      )sql",
      after, devices, since, with_devices);
  const auto device = rows.column_number("device_id");
  const auto model = rows.column_number("model");
  const auto seen_at = rows.column_number("last_seen_at");
  const auto total = rows.column_number("devices");
  SeenSlice slice;
  for (const auto& row : rows) {
    auto id = row[device].as<std::string>();
    if (row[total].is_null()) {
      slice.pairs.push_back({{std::move(id), row[model].as<std::string>()}, row[seen_at].as<Instant>()});
    } else {
      slice.last_device = std::move(id);
      slice.devices = row[total].as<std::size_t>();
    }
  }
  return slice;
}

}  // namespace argosy::server
