#include "server/devices/device.hpp"

#include <array>

#include "common/base/text.hpp"
#include "common/json/json_reader.hpp"

namespace argosy::server {

namespace {

constexpr std::array<std::pair<Presence, std::string_view>, 4> presence_names = {{
    {Presence::never_seen, "never_seen"},
    {Presence::online, "online"},
    {Presence::late, "late"},
    {Presence::offline, "offline"},
}};
constexpr std::array<std::pair<PresenceCause, std::string_view>, 6> cause_names = {{
    {PresenceCause::never_seen, "never_seen"},
    {PresenceCause::heard, "heard"},
    {PresenceCause::beats_missed, "beats_missed"},
    {PresenceCause::connection_broke, "connection_broke"},
    {PresenceCause::said_goodbye, "said_goodbye"},
    {PresenceCause::restart_grace, "restart_grace"},
}};

}  // namespace

Labels decode_labels(std::string_view json) {
  auto labels = read_json<Labels>(json);
  return labels ? std::move(*labels) : Labels{};
}

Result<void> check_labels(const Labels& labels) {
  if (labels.size() > max_labels)
    return field_error("labels", "may hold at most " + std::to_string(max_labels) + " labels");
  for (const auto& [key, value] : labels) {
    if (!is_name(key))
      return field_error("labels." + shortened(key), "has a key that does not match [A-Za-z0-9_-]{1,64}");
    if (value.size() > max_label_bytes || !is_text(value))
      return field_error("labels." + key,
                         "must be UTF-8 text of at most " + std::to_string(max_label_bytes) + " bytes");
  }
  return {};
}

Result<Labels> apply_patch(Labels labels, const LabelPatch& patch) {
  for (const auto& [key, value] : patch) {
    if (value) {
      labels.insert_or_assign(key, *value);
    } else {
      labels.erase(key);
    }
  }
  ARGOSY_CHECK(check_labels(labels));
  return labels;
}

std::string_view to_string(Presence presence) {
  for (const auto& [value, name] : presence_names)
    if (value == presence) return name;
  return "never_seen";
}

Result<Presence> parse_presence(std::string_view text) {
  for (const auto& [value, name] : presence_names)
    if (name == text) return value;
  return make_error(Errc::invalid_argument,
                    "no presence is called '" + shortened(text) + "': it is online, late, offline or never_seen");
}

std::string_view to_string(PresenceCause cause) {
  for (const auto& [value, name] : cause_names)
    if (value == cause) return name;
  return "never_seen";
}

Result<PresenceCause> parse_presence_cause(std::string_view text) {
  for (const auto& [value, name] : cause_names)
    if (name == text) return value;
  return make_error(Errc::invalid_argument, "no cause of a presence is called '" + shortened(text) + "'");
}

bool is_reachable(Presence presence) {
  return presence == Presence::online || presence == Presence::late;
}

}  // namespace argosy::server
