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
// What may come in from outside: four digits a year, and PostgreSQL and every language can hold it.
inline constexpr Instant earliest_instant{};                                           // 1970-01-01T00:00:00.000Z
inline constexpr Instant latest_instant{Duration{std::int64_t{253'402'300'799'999}}};  // 9999-12-31T23:59:59.999Z
constexpr bool is_storable(Instant at) {
  return at >= earliest_instant && at <= latest_instant;
}
inline std::int64_t to_ms(Instant at) {
  return at.time_since_epoch().count();
}
inline Instant wall_clock_now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

// RFC 3339 in UTC with milliseconds: "2026-01-31T09:30:00.250Z".
std::string to_rfc3339(Instant at);
// Accepts what to_rfc3339 writes, with or without fraction, and with an offset instead of Z; is_storable() times alone.
Result<Instant> parse_rfc3339(std::string_view text);

}  // namespace argosy
