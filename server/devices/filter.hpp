// The device filter: a small subset of AIP-160, as docs/protocol.md describes it. Text to tree, and the tree's answer
// for one device in memory. Pure; filter_sql.hpp turns the same tree into a condition.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "server/devices/device.hpp"

namespace argosy::server {

inline constexpr std::size_t max_filter_bytes = 2000;
inline constexpr int max_filter_depth = 20;  // of parentheses and NOTs

enum class FilterField : std::uint8_t {
  id,
  hardware_class,
  presence,
  intermittent,
  agent_version,
  label,
  model,
  capability
};
// Those of order, and `series` ("8.5.2 ~ 8.5"), are for numbers and versions alone.
enum class FilterOperator : std::uint8_t { equal, not_equal, contains, less, at_most, over, at_least, series };

struct FilterComparison {
  FilterField field = FilterField::id;
  std::string key;  // of labels.<key>, model.<name> and capabilities.<name>
  FilterOperator op = FilterOperator::equal;
  std::string value;
  friend bool operator==(const FilterComparison&, const FilterComparison&) = default;
};

struct FilterNode {
  enum class Kind : std::uint8_t { comparison, all_of, any_of, negation };
  Kind kind = Kind::comparison;
  FilterComparison comparison;
  std::vector<FilterNode> children;  // one under a negation, two or more under all_of and any_of
  friend bool operator==(const FilterNode&, const FilterNode&) = default;
};

struct Filter {
  std::optional<FilterNode> root;  // none: every device
  friend bool operator==(const Filter&, const Filter&) = default;
};

// What a capability is: capabilities.architecture a word, .accelerators a list of words, of which one is the value or
// holds it, .memory_mb a number, .jetpack a version. What has an order may be told more than once, as a runtime's
// version is that two programs brought along: one of them must hold.
enum class CapabilityKind : std::uint8_t { word, list, number, version };
struct CapabilityField {
  std::string_view name;
  CapabilityKind kind;
  std::string_view json;  // where it lies in devices.capabilities: a path of PostgreSQL; of a version its place in it
};
// Null for a field that is no capability.
const CapabilityField* capability_of(const FilterComparison& comparison);
bool has_order(const FilterComparison& comparison);

// Empty text is every device. Errc::filter_syntax names the column (from 1, in bytes) and what was expected there.
Result<Filter> parse_filter(std::string_view text);

// Whether every device of the narrow one is one of the wide one, as far as their forms show: it asks nothing, or the
// same.
bool covers(const Filter& wide, const Filter& narrow);

// A field that the device does not have equals nothing and contains nothing.
bool matches(const Filter& filter, const Device& device);

}  // namespace argosy::server
