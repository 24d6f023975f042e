#include "agent/telemetry/readings.hpp"

#include <cmath>

#include "common/base/text.hpp"
#include "common/json/json_text.hpp"
#include "common/wire/health.hpp"

namespace argosy::agent {

namespace {

constexpr std::size_t most_depth = 4;

std::string quoted_name(const std::string& name) {
  return "'" + shortened(name, wire::number_name_limit) + "'";
}

}  // namespace

Result<Readings> parse_readings(std::string_view json) {
  ARGOSY_TRY(const auto document, parse_json(json, {.bytes = most_readings_bytes, .depth = most_depth}));
  const auto wrong = [](std::string message) { return make_error(Errc::malformed_json, std::move(message)); };
  if (!document.is_object()) return wrong("it must be one JSON object such as {\"pump_bar\": 2.4}");
  if (document.size() > wire::most_numbers)
    return wrong("it holds " + std::to_string(document.size()) + " numbers; the limit is " +
                 std::to_string(wire::most_numbers));
  Readings readings;
  for (const auto& [name, value] : document.items()) {
    if (!wire::is_number_name(name)) return wrong("the name " + quoted_name(name) + " must match [a-z0-9_]{1,40}");
    if (!value.is_number()) return wrong(quoted_name(name) + " is " + value.type_name() + "; it must be a number");
    const double number = value.get<double>();
    if (std::abs(number) > wire::largest_reading) return wrong(quoted_name(name) + " is over 10^18");
    readings.emplace(name, number);
  }
  return readings;
}

}  // namespace argosy::agent
