#include "server/rollouts/core/dwell.hpp"

#include <algorithm>
#include <chrono>

namespace argosy::server {

using std::chrono::seconds;

bool has_dwelt(const Policy& policy, const std::vector<ZoneView>& zones, Instant since, Duration long_enough,
               Instant now) {
  const Duration passed = now - since;
  if (passed < long_enough) return false;
  if (!policy.maintenance) return true;
  return std::all_of(zones.begin(), zones.end(), [&](const ZoneView& zone) {
    return !zone.wall || *zone.wall - open_since(*policy.maintenance, *zone.wall, long_enough) <= passed;
  });
}

bool longest_dwell_is_over(const Policy& policy, const std::vector<ZoneView>& zones, Instant bake_began, Instant now) {
  return has_dwelt(policy, zones, bake_began + seconds(policy.gate.bake_s), seconds(policy.gate.max_dwell_s), now);
}

}  // namespace argosy::server
