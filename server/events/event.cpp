#include "server/events/event.hpp"

#include <charconv>

#include <nlohmann/json.hpp>

#include "common/base/id.hpp"
#include "common/base/text.hpp"
#include "common/json/json_text.hpp"

namespace argosy::server {

using nlohmann::json;

std::string event_to_json(const Event& event) {
  return json{{"id", event.position.id},
              {"at", to_rfc3339(event.at)},
              {"kind", event.kind},
              {"severity", event.severity},
              {"device_id", event.device ? json(*event.device) : json(nullptr)},
              {"rollout_id", event.rollout ? json(*event.rollout) : json(nullptr)},
              {"model", event.model ? json(*event.model) : json(nullptr)},
              {"message", event.message},
              {"details", json_or_null(event.details_json)}}
      .dump();
}

std::string to_sse(const Event& event) {
  return "event: event\nid: " + std::to_string(event.position.id) + "\ndata: " + event_to_json(event) + "\n\n";
}

std::string hint_to_sse(std::string_view kind, std::string_view id_json) {
  std::string text = "event: ";
  text.append(kind).append("\ndata: {\"id\":").append(id_json).append("}\n\n");
  return text;
}

namespace {

Error bad_scope(std::string_view part) {
  return make_error(Errc::invalid_argument,
                    "scope \"" + shortened(part) + "\" is unknown; write overview, device:NAME or rollout:NUMBER");
}

Result<void> add_part(Scope& scope, std::string_view part) {
  constexpr std::string_view device = "device:";
  constexpr std::string_view rollout = "rollout:";
  if (part == "overview") {
    scope.overview = true;
    return {};
  }
  if (part.starts_with(device) && is_name(part.substr(device.size()))) {
    scope.devices.emplace(part.substr(device.size()));
    return {};
  }
  if (!part.starts_with(rollout)) return bad_scope(part);
  const auto number = part.substr(rollout.size());
  std::int64_t id = 0;
  const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), id);
  if (failure != std::errc{} || end != number.data() + number.size() || id < 1) return bad_scope(part);
  scope.rollouts.insert(id);
  return {};
}

}  // namespace

Result<Scope> parse_scope(std::string_view text) {
  Scope scope;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto part = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    if (!part.empty()) ARGOSY_CHECK(add_part(scope, part));
    if (scope.devices.size() + scope.rollouts.size() > scope_limit)
      return make_error(Errc::invalid_argument, "a scope names at most " + std::to_string(scope_limit) +
                                                    " devices and rollouts; ask for those on the screen");
  }
  return scope;
}

}  // namespace argosy::server
