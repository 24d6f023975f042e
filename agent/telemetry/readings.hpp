// What a command of the device's owner read: the numbers of one JSON object, such as {"pump_bar": 2.4}. Pure; hostile
// bytes cost no more than their length.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace argosy::agent {

using Readings = std::map<std::string, double>;

inline constexpr std::size_t most_readings_bytes = 4096;

// At most 16 numbers of at most 10^18 either way, named [a-z0-9_]{1,40}. An error names the first that is wrong; then
// none counts.
Result<Readings> parse_readings(std::string_view json);

}  // namespace argosy::agent
