#include "server/telemetry/window_rate.hpp"

#include <algorithm>

namespace argosy::server {

namespace {

constexpr std::int64_t ahead_s = 60;

// Rounded up: a window that ends with a minute belongs to it.
std::int64_t second_of(Instant at) {
  return (to_ms(at) + 999) / 1000;
}

}  // namespace

void WindowRate::add(Instant ended_at, Instant now) {
  const std::int64_t at = second_of(ended_at);
  const std::int64_t present = second_of(now);
  const auto kept = static_cast<std::int64_t>(seconds_.size()) - ahead_s;
  if (at <= present - kept || at > present + ahead_s) return;
  Second& second = seconds_[static_cast<std::size_t>(at) % seconds_.size()];
  if (second.at != at) second = {at, 0};
  ++second.windows;
}

std::uint64_t WindowRate::last_minute(Instant now) const {
  const std::int64_t present = second_of(now);
  std::uint64_t windows = 0;
  for (const auto& [at, of_second] : seconds_) {
    if (at > present - 60 && at <= present) windows += of_second;
  }
  return windows;
}

}  // namespace argosy::server
