// What the devices of a filter are, counted: the terms that would narrow it, each with how many devices it leaves.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace argosy::server {

inline constexpr int facet_value_limit = 12;          // values of a field, the most frequent ones
inline constexpr std::size_t facet_field_limit = 24;  // fields

struct FacetValue {
  std::string value;
  std::int64_t devices = 0;
};
struct FacetField {
  std::string field;  // as the filter names it: labels.site
  std::vector<FacetValue> values;
  std::int64_t more = 0;  // values that are left out
};
struct Facets {
  std::int64_t devices = 0;  // that match
  std::vector<FacetField> fields;
};
std::string facets_to_json(const Facets& facets);

}  // namespace argosy::server
