#include "server/telemetry/watch_store.hpp"

#include "server/db/rows.hpp"

namespace argosy::server {

SeenSlice FindSeen::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      R"sql(
        with slice as materialized (
          select s.device_id, greatest(s.last_seen_at, (
              select max(c.received_at) from telemetry_cursors c where c.device_id = s.device_id
            )) as seen_at
          from device_state s
          where s.device_id > $1
          order by s.device_id
          limit $2
        )
        select m.device_id, m.model, s.seen_at, null::bigint as devices
        from slice s
        cross join lateral (
          select device_id, model from device_models where device_id = s.device_id order by model limit 64
        ) m
        where $4 and s.seen_at >= $3::timestamptz
        union all
        select device_id, '', seen_at, null
        from slice
        where $5 and seen_at >= $3::timestamptz
        union all
        select coalesce(max(device_id), ''), '', null, count(*)
        from slice
      )sql",
      after, devices, since, kinds.models, kinds.devices);
  const auto device = rows.column_number("device_id");
  const auto model = rows.column_number("model");
  const auto seen_at = rows.column_number("seen_at");
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
