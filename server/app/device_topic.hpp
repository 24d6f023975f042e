// The topics on which devices speak, named exactly: "argosy/v1/{device}/up/{state|telemetry|event}". Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace argosy::server {

enum class UpKind : unsigned char { state, telemetry, event };

struct UpTopic {
  std::string_view device;  // a view of the topic
  UpKind kind = UpKind::state;
};

// Nothing for any other topic: another kind, more levels, or what is no device's name.
std::optional<UpTopic> parse_up_topic(std::string_view topic);

// The largest message of a kind.
std::size_t size_limit(UpKind kind);

}  // namespace argosy::server
