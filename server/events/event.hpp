// One line of the fleet's history, and its forms on the wire. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"

namespace argosy::server {

// Where a reader stands: events are read in this order, which never passes one over (migrations/0001, table events).
struct EventPosition {
  std::uint64_t xact = 0;
  std::int64_t id = 0;
  friend auto operator<=>(const EventPosition&, const EventPosition&) = default;
};

struct Event {
  EventPosition position;
  Instant at{};
  std::string kind;
  std::string severity;
  std::optional<std::string> device;
  std::optional<std::int64_t> rollout;
  std::optional<std::string> model;
  std::string message;
  std::string details_json = "{}";
};

// {"id", "at", "kind", "severity", "device_id", "rollout_id", "model", "message", "details"}
std::string event_to_json(const Event& event);

// Server-sent events (WHATWG HTML, 9.2).
std::string to_sse(const Event& event);                                    // event: event, with its id
std::string hint_to_sse(std::string_view kind, std::string_view id_json);  // event: device, data: {"id": ...}
inline constexpr std::string_view sse_heartbeat = ": still here\n\n";

// What one subscriber wants hints for: `overview,device:cam-7,rollout:3`.
struct Scope {
  bool overview = false;
  std::set<std::string> devices;
  std::set<std::int64_t> rollouts;
};
inline constexpr std::size_t scope_limit = 100;
Result<Scope> parse_scope(std::string_view text);

}  // namespace argosy::server
