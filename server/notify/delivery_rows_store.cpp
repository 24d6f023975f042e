#include "server/notify/delivery_rows_store.hpp"

#include <nlohmann/json.hpp>

#include "common/base/encoding.hpp"
#include "common/base/random.hpp"
#include "common/json/json_text.hpp"
#include "server/db/rows.hpp"

namespace argosy::server {
namespace {

constexpr std::size_t key_bytes = 18;

}  // namespace

const std::string delivery_columns = R"sql(
  d.id, d.key, d.route_id, r.name as route_name, d.line, d.state, d.severity, d.title, d.events, d.bytes, d.is_test,
  d.attempts, d.created_at, d.waits_since, d.due_at, d.ended_at, d.last_error
)sql";

Delivery delivery_of(const pqxx::row& row) {
  Delivery delivery;
  delivery.id = row["id"].as<std::int64_t>();
  delivery.key = row["key"].as<std::string>();
  delivery.route = row["route_id"].as<std::int64_t>();
  delivery.route_name = row["route_name"].as<std::string>();
  delivery.line = row["line"].as<std::string>();
  delivery.state = enum_of(row["state"], parse_delivery_state);
  delivery.severity = row["severity"].as<std::string>();
  delivery.title = row["title"].as<std::string>();
  delivery.events = row["events"].as<std::int64_t>();
  delivery.bytes = row["bytes"].as<std::int64_t>();
  delivery.is_test = row["is_test"].as<bool>();
  delivery.attempts = row["attempts"].as<std::int64_t>();
  delivery.created_at = row["created_at"].as<Instant>();
  delivery.waits_since = row["waits_since"].as<Instant>();
  delivery.due_at = row["due_at"].as<Instant>();
  delivery.ended_at = optional_of<Instant>(row["ended_at"]);
  delivery.last_error = row["last_error"].as<std::string>();
  return delivery;
}

Result<Delivery> load_delivery(pqxx::work& transaction, std::int64_t id) {
  const auto rows = transaction.exec_params("select " + delivery_columns + R"sql(
    from deliveries d join notice_routes r on r.id = d.route_id where d.id = $1
  )sql",
                                            id);
  if (rows.empty()) return make_error(Errc::not_found, "there is no delivery " + std::to_string(id));
  return delivery_of(rows[0]);
}

std::vector<ToldEvent> load_told(pqxx::work& transaction, std::int64_t delivery, std::int64_t most) {
  std::vector<ToldEvent> events;
  const auto rows = transaction.exec_params(
      "select event from delivery_events where delivery_id = $1 order by place limit $2", delivery, most);
  for (const auto& row : rows) events.push_back(told_event_of(json_or_null(row[0].as<std::string>())));
  return events;
}

std::optional<std::int64_t> first_test(pqxx::work& transaction, std::int64_t route) {
  const auto rows = transaction.exec_params(
      "select id from deliveries where route_id = $1 and state = 'waiting' and is_test order by id limit 1", route);
  return rows.empty() ? std::nullopt : std::optional(rows[0][0].as<std::int64_t>());
}

std::string make_delivery_key() {
  return "msg_" + to_base64url(secure_random(key_bytes));
}

std::vector<std::int64_t> ids_of(const pqxx::result& rows) {
  std::vector<std::int64_t> ids;
  for (const auto& row : rows) ids.push_back(row[0].as<std::int64_t>());
  return ids;
}

}  // namespace argosy::server
