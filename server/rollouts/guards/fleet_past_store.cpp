#include "server/rollouts/guards/fleet_past_store.hpp"

#include <algorithm>
#include <vector>

#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/devices/filter_sql.hpp"
#include "server/rollouts/guards/window_rows_store.hpp"

namespace argosy::server {
namespace {

std::vector<std::string> devices_with_the_model(pqxx::work& transaction, const Filter& filter,
                                                const std::string& model) {
  const auto condition = to_sql(filter, 2);
  std::vector<std::string> parameters{model};
  parameters.insert(parameters.end(), condition.parameters.begin(), condition.parameters.end());
  const auto rows = transaction.exec_params(R"sql(
        select d.id
        from devices d
        join device_models m on m.device_id = d.id and m.model = $1 and m.version <> ''
        left join device_state s on s.device_id = d.id
        where d.revoked_at is null and )sql" + condition.text +
                                                " order by hashtext(d.id), d.id limit " +
                                                std::to_string(devices_of_past),
                                            pqxx::prepare::make_dynamic_params(parameters));
  std::vector<std::string> devices;
  for (const auto& row : rows) devices.push_back(row[0].as<std::string>());
  return devices;
}

}  // namespace

FleetPast load_fleet_past(pqxx::work& transaction, const Filter& filter, const PastWanted& wanted) {
  static const Statement newest_windows{"newest_windows", R"sql(
    select p.device, w.version, w.started_at, w.ended_at, w.count, w.errors, w.labelled, w.correct, w.latency,
      w.numbers, w.confidences, null as features
    from unnest($1::text[]) as p(device)
    cross join lateral (
      select *
      from inference_windows i
      where i.device_id = p.device and i.model = $2 and i.version <> $3
        and i.started_at < $4::timestamptz and i.started_at >= $4::timestamptz - make_interval(secs => $5)
      order by i.started_at desc
      limit $6
    ) as w
    order by p.device, w.started_at desc
  )sql"};
  const auto devices = devices_with_the_model(transaction, filter, wanted.model);
  FleetPast past{.looked_at = devices.size(), .devices = {}};
  const auto rows = exec_prepared(transaction, newest_windows, pg_array(devices), wanted.model, wanted.version,
                                  wanted.now, std::chrono::duration<double>(wanted.baseline).count(),
                                  static_cast<std::int64_t>(windows_of_device));
  std::string device, version;
  for (const auto& row : rows) {
    const bool is_another = past.devices.empty() || row["device"].as<std::string>() != device;
    if (is_another) {
      device = row["device"].as<std::string>();
      version = row["version"].as<std::string>();
      past.devices.emplace_back();
    }
    if (row["version"].as<std::string>() != version) continue;  // the newest release alone
    past.devices.back().push_back(window_of(row));
  }
  for (auto& windows : past.devices) std::reverse(windows.begin(), windows.end());
  return past;
}

}  // namespace argosy::server
