// Single looks into a document of somebody else's, for what is shown and not stored: whatever is not there or not of
// that type reads as absent, and nothing throws. Pure. What is kept or acted on goes through JsonReader.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace argosy {

// A JSON null where there is no such member, or `value` is no object.
const nlohmann::json& member(const nlohmann::json& value, std::string_view key);

std::string text_in(const nlohmann::json& value, std::string_view key, std::string_view otherwise = {});
std::optional<double> number_in(const nlohmann::json& value, std::string_view key);

// The items of a list; none where there is no list.
const nlohmann::json& list_in(const nlohmann::json& value, std::string_view key);

}  // namespace argosy
