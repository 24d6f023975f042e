#include "server/db/time_zones.hpp"

#include "common/base/text.hpp"
#include "server/db/rows.hpp"
#include "server/db/statement.hpp"

namespace argosy::server {

bool is_time_zone(pqxx::work& transaction, std::string_view name) {
  return !transaction.exec_params("select from pg_timezone_names where name = $1", std::string(name)).empty();
}

std::string no_such_zone(std::string_view name) {
  return "'" + shortened(name) + "' is no time zone of the tz database: write a name such as Europe/Berlin";
}

std::vector<std::pair<std::string, std::optional<std::chrono::local_time<Duration>>>> wall_times(
    pqxx::work& transaction, const std::vector<std::string>& zones, Instant now) {
  static const Statement find_wall_times{"find_wall_times", R"sql(
    select zone, wall_time(zone, $2::timestamptz) as wall
    from unnest($1::text[]) with ordinality as given (zone, place)
    order by place
  )sql"};
  std::vector<std::pair<std::string, std::optional<std::chrono::local_time<Duration>>>> walls;
  for (const auto& row : exec_prepared(transaction, find_wall_times, pg_array(zones), now)) {
    const auto wall = optional_of<Instant>(row["wall"]);
    walls.emplace_back(row["zone"].as<std::string>(), std::nullopt);
    if (wall) walls.back().second = std::chrono::local_time<Duration>{wall->time_since_epoch()};
  }
  return walls;
}

}  // namespace argosy::server
