#include "server/rollouts/guards/fleet_past_store.hpp"

#include <algorithm>
#include <utility>
#include <vector>

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
  const auto devices = devices_with_the_model(transaction, filter, wanted.model);
  FleetPast past{.looked_at = devices.size(), .devices = {}};
  std::string device, version;
  for (TakenWindow& window : newest_windows(transaction, devices,
                                            {.model = wanted.model,
                                            .version = wanted.version,
                                            .until = wanted.now,
                                            .reach_back = wanted.baseline,
                                            .of_each_device = windows_of_device})) {
    if (past.devices.empty() || window.device != device) {
      device = window.device;
      version = window.version;
      past.devices.emplace_back();
    }
    if (window.version == version) past.devices.back().push_back(std::move(window));  // the newest release alone
  }
  for (auto& windows : past.devices) std::reverse(windows.begin(), windows.end());
  return past;
}

}  // namespace argosy::server
