#include "server/notify/giving_up_store.hpp"

#include <map>

#include <nlohmann/json.hpp>

#include "common/base/sql_words.hpp"
#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"
#include "server/notify/delivery.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

struct GivenUp {
  std::int64_t deliveries = 0;
  std::int64_t bytes = 0;
  std::int64_t first = 0;
  bool of_notices_alone = true;
};

// What is told of messages that were given up would make more of them, so it makes no event of its own.
void announce_given_up(pqxx::work& transaction, std::int64_t route, const GivenUp& given_up,
                       const std::string& reason) {
  if (given_up.of_notices_alone) return;
  const auto name =
      transaction.exec_params1("select name from notice_routes where id = $1", route)[0].as<std::string>();
  const std::string count = given_up.deliveries == 1 ? "A message" : std::to_string(given_up.deliveries) + " messages";
  append_event(transaction, {.kind = std::string(given_up_kind),
                             .severity = "warning",
                             .device_id = std::nullopt,
                             .rollout_id = std::nullopt,
                             .model = std::nullopt,
                             .message = count + " to the route " + name + (given_up.deliveries == 1 ? " is" : " are") +
                                        " given up: " + reason,
                             .details_json = json{
                                 {"route_id", route},
                                 {"route", name},
                                 {"deliveries", given_up.deliveries},
                                 {"first_delivery", given_up.first},
                                 {"reason",
                                  reason}}.dump()});
}

}  // namespace

std::size_t give_up(pqxx::work& transaction, const std::vector<std::int64_t>& ids, const std::string& reason,
                    Instant now) {
  if (ids.empty()) return 0;
  static const std::string sql = "update deliveries set state = " + sql_word(DeliveryState::given_up) + R"sql(,
      ended_at = $2::timestamptz, gathers = false, last_error = $3
    where id in (select unnest($1::bigint[])) and state = )sql" +
                                 sql_word(DeliveryState::waiting) + R"sql(
    returning id, route_id, bytes, starts_with(line, 'notice') as of_notices
  )sql";
  std::map<std::int64_t, GivenUp> by_route;
  const auto rows = transaction.exec_params(sql, pg_array(ids), now, reason);
  for (const auto& row : rows) {
    GivenUp& of_route = by_route[row["route_id"].as<std::int64_t>()];
    const auto id = row["id"].as<std::int64_t>();
    if (of_route.deliveries++ == 0 || id < of_route.first) of_route.first = id;
    of_route.bytes += row["bytes"].as<std::int64_t>();
    of_route.of_notices_alone = of_route.of_notices_alone && row["of_notices"].as<bool>();
  }
  for (const auto& [route, given_up] : by_route) {
    transaction.exec_params0(
        R"sql(
          update notice_route_states
          set waiting = waiting - $2, waiting_bytes = waiting_bytes - $3
          where route_id = $1
        )sql",
        route, given_up.deliveries, given_up.bytes);
    announce_given_up(transaction, route, given_up, reason);
  }
  return rows.size();
}

}  // namespace argosy::server
