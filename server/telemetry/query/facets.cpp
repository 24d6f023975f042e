#include "server/telemetry/query/facets.hpp"

#include <nlohmann/json.hpp>

namespace argosy::server {

std::string facets_to_json(const Facets& facets) {
  auto fields = nlohmann::json::array();
  for (const auto& [field, counts, more] : facets.fields) {
    auto values = nlohmann::json::array();
    for (const auto& [value, devices] : counts) values.push_back({{"value", value}, {"devices", devices}});
    fields.push_back({{"field", field}, {"values", std::move(values)}, {"more", more}});
  }
  return nlohmann::json{{"devices", facets.devices}, {"facets", std::move(fields)}}.dump();
}

}  // namespace argosy::server
