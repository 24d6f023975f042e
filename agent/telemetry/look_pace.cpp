#include "agent/telemetry/look_pace.hpp"

#include <algorithm>
#include <utility>

namespace argosy::agent {

using std::chrono::microseconds;

std::optional<microseconds> LookPace::after(std::size_t taken, Clock::time_point now) {
  const auto before = std::exchange(last_look_, now);
  if (queue_ < smallest_queue || taken == 0 || !before) return std::nullopt;
  const auto since = std::chrono::duration_cast<microseconds>(now - *before);
  if (since > 2 * longest_rest) return std::nullopt;  // one by one: a rest would find nothing
  // So that, at the rate since the last look, a quarter of the queue is used.
  const auto until_quarter = since * static_cast<std::int64_t>(queue_) / (4 * static_cast<std::int64_t>(taken));
  return std::clamp(until_quarter, shortest_rest, longest_rest);
}

}  // namespace argosy::agent
