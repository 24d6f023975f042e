#include "common/wire/health.hpp"

#include <nlohmann/json.hpp>

namespace argosy::wire {

std::string health_values_json(const HealthSample& sample) {
  auto values = nlohmann::json::object();
  for (const auto& field : health_fields) {
    if (const auto& value = sample.*field.member) values[field.name] = *value;
  }
  for (const auto& [name, value] : sample.numbers) values["custom." + name] = value;
  return values.dump();
}

}  // namespace argosy::wire
