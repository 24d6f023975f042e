// Points in time. Pure code takes `now` as an argument; only shells read a clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace argosy {

using Duration = std::chrono::milliseconds;
using Instant = std::chrono::sys_time<Duration>;  // UTC, milliseconds

inline Instant instant_from_ms(std::int64_t unix_ms) {
  return Instant{Duration{unix_ms}};
}
inline std::int64_t to_ms(Instant at) {
  return at.time_since_epoch().count();
}
inline Instant wall_clock_now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

// RFC 3339 in UTC with milliseconds: "2026-01-31T09:30:00.250Z".
std::string to_rfc3339(Instant at);
// Accepts what to_rfc3339 writes, with or without fraction, and with an offset instead of Z.
Result<Instant> parse_rfc3339(std::string_view text);

}  // namespace argosy
