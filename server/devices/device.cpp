#include "server/devices/device.hpp"

#include <array>

#include "server/http/json_body.hpp"

namespace argosy::server {

namespace {

constexpr std::array<std::pair<Presence, std::string_view>, 4> presence_names = {{
    {Presence::never_seen, "never_seen"},
    {Presence::online, "online"},
    {Presence::late, "late"},
    {Presence::offline, "offline"},
}};

}  // namespace

bool is_text(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead == 0 || (lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || i + length > text.size()) return false;
    std::uint32_t point = length == 1 ? lead : lead & (0xffU >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0U) != 0x80) return false;
      point = (point << 6) | (next & 0x3fU);
    }
    const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    if (overlong || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    i += length;
  }
  return true;
}

Result<void> check_labels(const Labels& labels) {
  if (labels.size() > max_labels)
    return field_error("labels", "may hold at most " + std::to_string(max_labels) + " labels");
  for (const auto& [key, value] : labels) {
    if (!is_name(key))
      return field_error("labels." + key.substr(0, 80), "has a key that does not match [A-Za-z0-9_-]{1,64}");
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
                    "no presence is called '" + std::string(text) + "': it is online, late, offline or never_seen");
}

}  // namespace argosy::server
