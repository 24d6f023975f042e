// What a variant of a release asks of a device, and whether the device has it. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/version_range.hpp"
#include "common/wire/state.hpp"

namespace argosy::wire {

struct Selector {  // every key that is given must hold
  std::optional<std::string> architecture;
  std::optional<std::string> accelerator;
  std::optional<std::string> runtime;
  std::optional<std::string> precision;
  std::optional<std::string> hardware_class;
  std::optional<std::uint64_t> min_memory_mb;
  std::map<std::string, VersionRange> ranges;  // of what is_ranged() names: {"jetpack": ">=5.1,<6"}
  std::vector<std::string> cpu;                // features, all of them: {"avx2", "fma"}
  std::optional<std::string> part;             // an accelerator that the device found: "edgetpu"
  friend bool operator==(const Selector&, const Selector&) = default;
};
inline constexpr std::uint64_t max_min_memory_mb = 1'000'000'000;

// Whether a device tells a number or a version under this name: one of version_names, or cores, ir, memory_mb, opset.
bool is_ranged(std::string_view name);
// All that it tells; of a runtime, which it may have more than once, the versions at work too. Empty: it tells none.
std::vector<std::string> ranged_values(const Capabilities& capabilities, std::string_view name);

// "needs the precision int8, the device offers fp32"; empty when the device suits.
std::string mismatch(const Selector& selector, const Capabilities& capabilities, const std::string& hardware_class);
// The same of what the model itself asks of the engine. A device that does not tell its engine's reach suits.
std::string mismatch(const std::optional<OnnxReach>& model, const Capabilities& capabilities);

// Without the ranges of what this device does not tell now, such as the version of a runtime that has not been at work
// since its agent started: for a device that was chosen before.
Selector as_far_as_told(Selector selector, const Capabilities& capabilities);

// {"precision": "int8", "jetpack": ">=5.1,<6"}: the keys that are given.
std::string encode(const Selector& selector);
// The same keys. A feature that only a later version knows is one that no device here has.
void read_selector(JsonReader& fields, Selector& selector);

// Takes up one condition as people write it: "precision=int8", "jetpack>=5.1", "cpu=avx2", or what goes on with the key
// `last`, the next of a range or of features: "<6", "fma". Says which key it was. Errc::invalid_argument names the key
// or the value, and what is allowed.
Result<std::string> take_condition(Selector& selector, std::string_view condition, const std::string& last = {});

}  // namespace argosy::wire
