// A TOML text as a flat list of dotted keys and their values as text. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/base/error.hpp"

namespace argosy::server {

// Errc::invalid_argument with the line for what is no TOML, and for values that are no text, number or boolean.
Result<std::vector<std::pair<std::string, std::string>>> parse_toml(const std::string& text, const std::string& name);

}  // namespace argosy::server
