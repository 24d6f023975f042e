// Rows that every capability writes inside its own transaction: events for timelines and the live stream, audit for
// what people did, and the bump that makes a device's desired document due. Called on DB threads by *_store.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>
#include <pqxx/pqxx>

namespace argosy::server {

struct NewEvent {
  std::string kind;
  std::string severity = "info";
  std::optional<std::string> device_id;
  std::optional<std::int64_t> rollout_id;
  std::optional<std::string> model;
  std::string message;
  std::string details_json = "{}";
};

void append_event(pqxx::work& transaction, const NewEvent& event);
// In one statement; their ids are in the given order.
void append_events(pqxx::work& transaction, const std::vector<NewEvent>& events);
void append_audit(pqxx::work& transaction, const std::string& actor, const std::string& action,
                  const std::string& object, const std::string& details_json = "{}");
// Who is published first. A device that waits for both goes with the stops.
enum class DueClass : std::uint8_t { stop, change };
// The devices' desired documents have changed: raises desired_rev and puts them on the list of those that are due; the
// leader publishes them.
void touch_desired(pqxx::work& transaction, const std::vector<std::string>& device_ids,
                   DueClass due = DueClass::change);

}  // namespace argosy::server
