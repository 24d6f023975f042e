#include "agent/telemetry/catch_up.hpp"

#include <algorithm>
#include <cmath>

namespace argosy::agent {

Duration CatchUp::time_of(Amount amount) const {
  const double seconds = std::max(static_cast<double>(amount.records) / pace_.records_per_s,
                                  static_cast<double>(amount.bytes) / pace_.bytes_per_s);
  return Duration{static_cast<std::int64_t>(std::ceil(seconds * 1000))};
}

std::optional<CatchUp::Amount> CatchUp::next(Instant now, Amount waiting, int failures) {
  if (!under_way_ && is_backlog(waiting)) {
    under_way_ = true;
    since_ = now;
    wait_ = jitter(std::min(time_of(waiting), longest_start));
  }
  // A clock that jumped back ends the wait, or it might never end.
  if (under_way_ && now >= since_ && now - since_ < wait_) return std::nullopt;
  under_way_ = is_backlog(waiting);
  if (!under_way_) return usual;
  return Amount{bulk.records, bulk.bytes >> std::clamp(failures, 0, most_halvings)};
}

// The pace is a limit: the jitter comes on top, or devices that began together would go on together.
void CatchUp::sent(Instant now, Amount amount) {
  if (!under_way_) return;
  const Duration time = time_of(amount);
  since_ = now;
  wait_ = time + jitter(time);
}

}  // namespace argosy::agent
