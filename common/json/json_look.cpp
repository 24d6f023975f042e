#include "common/json/json_look.hpp"

namespace argosy {

using nlohmann::json;

const json& member(const json& value, std::string_view key) {
  static const json nothing;
  if (!value.is_object()) return nothing;
  const auto found = value.find(key);
  return found == value.end() ? nothing : *found;
}

std::string text_in(const json& value, std::string_view key, std::string_view otherwise) {
  const json& found = member(value, key);
  return found.is_string() ? found.get_ref<const std::string&>() : std::string(otherwise);
}

std::optional<double> number_in(const json& value, std::string_view key) {
  const json& found = member(value, key);
  return found.is_number() ? std::optional(found.get<double>()) : std::nullopt;
}

const json& list_in(const json& value, std::string_view key) {
  static const json empty = json::array();
  const json& found = member(value, key);
  return found.is_array() ? found : empty;
}

}  // namespace argosy
