// What the server answers on a device's topic. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "common/wire/telemetry.hpp"

namespace argosy::fleet_load {

// As the server writes nearly all of them, at a twentieth of the cost of reading JSON; nothing: read it as JSON.
std::optional<wire::TelemetryAck> read_plain_ack(std::string_view payload);

enum class DownKind : std::uint8_t { ack, desired };
struct DownTopic {
  std::size_t device = 0;  // from 0
  DownKind kind{};
};
// Of a device that is called `prefix` and a number from `first`.
std::optional<DownTopic> parse_down_topic(std::string_view topic, std::string_view prefix, std::size_t first = 1);

}  // namespace argosy::fleet_load
