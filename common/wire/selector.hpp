// What a variant of a release asks of a device, and whether the device has it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/wire/state.hpp"

namespace argosy::wire {

struct Selector {  // every key that is given must hold
  std::optional<std::string> architecture;
  std::optional<std::string> accelerator;
  std::optional<std::string> runtime;
  std::optional<std::string> precision;
  std::optional<std::string> hardware_class;
  std::optional<std::uint64_t> min_memory_mb;
  friend bool operator==(const Selector&, const Selector&) = default;
};
inline constexpr std::uint64_t max_min_memory_mb = 1'000'000'000;

// "needs the precision int8, the device offers fp32"; empty when the device suits.
std::string mismatch(const Selector& selector, const Capabilities& capabilities, const std::string& hardware_class);

// {"precision": "int8"}: the keys that are given.
std::string encode(const Selector& selector);

// Takes up one key as text, as people write it. Errc::invalid_argument names the key or the value, and what is allowed.
Result<void> set_key(Selector& selector, std::string_view key, const std::string& value);

}  // namespace argosy::wire
