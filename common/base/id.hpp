// Strong identifiers: a DeviceId is never mistaken for a RolloutId, at no cost.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace argosy {

template <class Tag, class Rep>
class Id {
 public:
  using rep = Rep;
  Id() = default;
  explicit Id(Rep value) : value_(std::move(value)) {}
  const Rep& value() const { return value_; }
  friend auto operator<=>(const Id&, const Id&) = default;

 private:
  Rep value_{};
};

using DeviceId = Id<struct DeviceTag, std::string>;  // [A-Za-z0-9_-]{1,64}, chosen by the device or its claim
using RolloutId = Id<struct RolloutTag, std::int64_t>;
using ReleaseId = Id<struct ReleaseTag, std::int64_t>;
using VariantId = Id<struct VariantTag, std::int64_t>;

// Whether `text` may name a device, a model or a hardware class: [A-Za-z0-9_-]{1,64}.
constexpr bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  for (const char c : text) {
    const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!ok) return false;
  }
  return true;
}

// Whether `text` may be a release's version: a name that may also hold dots and pluses ("1.2.0-rc.1+build").
constexpr bool is_version(std::string_view text) {
  if (text.empty() || text.size() > 64 || text.front() == '.') return false;
  for (const char c : text) {
    const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                    c == '-' || c == '.' || c == '+';
    if (!ok) return false;
  }
  return true;
}

}  // namespace argosy

template <class Tag, class Rep>
struct std::hash<argosy::Id<Tag, Rep>> {
  std::size_t operator()(const argosy::Id<Tag, Rep>& id) const noexcept { return std::hash<Rep>{}(id.value()); }
};
