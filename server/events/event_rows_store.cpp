#include "server/events/event_rows_store.hpp"

#include "server/db/rows.hpp"

namespace argosy::server {

Event event_of(const pqxx::row& row) {
  Event event;
  event.position = {row["xact_text"].as<std::uint64_t>(), row["id"].as<std::int64_t>()};
  event.at = row["at"].as<Instant>();
  event.kind = row["kind"].as<std::string>();
  event.severity = row["severity"].as<std::string>();
  event.device = optional_of<std::string>(row["device_id"]);
  event.rollout = optional_of<std::int64_t>(row["rollout_id"]);
  event.model = optional_of<std::string>(row["model"]);
  event.message = row["message"].as<std::string>();
  event.details_json = row["details"].as<std::string>();
  return event;
}

}  // namespace argosy::server
