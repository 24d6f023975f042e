#include "server/rollouts/store/maintenance_store.hpp"

#include <algorithm>

#include "common/json/json_reader.hpp"
#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/db/time_zones.hpp"
#include "server/rollouts/core/clock_sql.hpp"
#include "server/rollouts/core/state_sql.hpp"

namespace argosy::server {
namespace {

constexpr int most_counted = 1000;
constexpr int most_clocks = 10'000;

// Each zone that a label names, by one step along the index for each.
std::vector<std::string> zones_of_devices(pqxx::work& transaction) {
  static const Statement find_zones{"find_device_zones", R"sql(
    with recursive zones (zone) as (
      (select labels ->> 'time_zone' as zone from devices where labels ->> 'time_zone' is not null order by zone limit 1)
      union all
      select (
        select d.labels ->> 'time_zone' as zone
        from devices d
        where d.labels ->> 'time_zone' > zones.zone
        order by zone
        limit 1
      )
      from zones
      where zones.zone is not null
    )
    select zone from zones where zone is not null
  )sql"};
  std::vector<std::string> zones{std::string(zone_without_label)};
  for (const auto& row : exec_prepared(transaction, find_zones)) {
    auto zone = row[0].as<std::string>();
    if (zone != zone_without_label) zones.push_back(std::move(zone));
  }
  return zones;
}

ZoneView* zone_of(std::vector<ZoneView>& zones, const std::string& name) {
  const auto found = std::find_if(zones.begin(), zones.end(), [&](const auto& zone) { return zone.zone == name; });
  return found == zones.end() ? nullptr : &*found;
}

void count_queued(pqxx::work& transaction, const RolloutRecord& record, std::vector<ZoneView>& zones) {
  static const Statement queued_by_zone{"count_queued_by_zone", R"sql(
    select zone, count(*)
    from (
      select )sql" + zone_sql("$3") + R"sql( as zone
      from rollout_devices q
      join devices d on d.id = q.device_id
      where q.rollout_id = $1 and q.reachable_since is not null and q.wave <= $2
        and q.state = )sql" + sql_word(DeviceStep::queued) +
                                                                    R"sql(
      limit $4
    ) as queued
    group by zone
  )sql"};
  const auto rows =
      exec_prepared(transaction, queued_by_zone, record.id, record.wave, zone_parameter(record.policy), most_counted);
  for (const auto& row : rows)
    if (auto* zone = zone_of(zones, row[0].as<std::string>())) zone->queued = row[1].as<std::int64_t>();
}

// From the front of both indexes: in other zones than those of the oldest, clocks may have to wait until these are out.
void find_clocks(pqxx::work& transaction, const RolloutRecord& record, std::vector<ZoneView>& zones) {
  const auto oldest = [](const ClockSql& clock) {
    return "(select q.device_id, " + clock.since + " as clock from rollout_devices q where q.rollout_id = $1 and " +
           clock.runs + " order by " + clock.since + " limit " + std::to_string(most_clocks) + ")";
  };
  static const Statement clocks_by_zone{"find_clocks_by_zone",
                                        "select " + zone_sql("$2") + " as zone, min(c.clock) as oldest_clock from (" +
                                            oldest(clock_of_begun()) + " union all " + oldest(clock_of_told()) +
                                            ") as c join devices d on d.id = c.device_id group by zone"};
  const auto rows = exec_prepared(transaction, clocks_by_zone, record.id, zone_parameter(record.policy));
  for (const auto& row : rows)
    if (auto* zone = zone_of(zones, row["zone"].as<std::string>()))
      zone->oldest_clock = optional_of<Instant>(row["oldest_clock"]);
}

}  // namespace

std::string zone_sql(const std::string& policy_zone) {
  return "case when " + policy_zone + "::text = '" + std::string(zone_of_the_device) +
         "' then coalesce(nullif(d.labels ->> '" + std::string(time_zone_label) + "', ''), '" +
         std::string(zone_without_label) + "') else " + policy_zone + "::text end";
}

std::string zone_parameter(const Policy& policy) {
  return policy.maintenance ? policy.maintenance->time_zone : "";
}

std::vector<ZoneView> load_zones(pqxx::work& transaction, const Policy& policy, Instant now) {
  std::vector<ZoneView> zones;
  if (!policy.maintenance) return zones;
  const bool by_device = policy.maintenance->time_zone == zone_of_the_device;
  const auto names = by_device ? zones_of_devices(transaction) : std::vector{policy.maintenance->time_zone};
  for (auto& [zone, wall] : wall_times(transaction, names, now)) zones.push_back({.zone = zone, .wall = wall});
  return zones;
}

void count_in_zones(pqxx::work& transaction, const RolloutRecord& record, std::vector<ZoneView>& zones) {
  if (zones.empty()) return;
  count_queued(transaction, record, zones);
  find_clocks(transaction, record, zones);
}

Result<void> check_time_zone(pqxx::work& transaction, const Policy& policy) {
  if (!policy.maintenance || policy.maintenance->time_zone == zone_of_the_device) return {};
  if (is_time_zone(transaction, policy.maintenance->time_zone)) return {};
  return field_error("policy.maintenance.time_zone", no_such_zone(policy.maintenance->time_zone));
}

}  // namespace argosy::server
