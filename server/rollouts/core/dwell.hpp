// How long a wave dwells: with maintenance windows, only the hours in which they are open count. Pure.
#pragma once

#include <vector>

#include "common/base/instant.hpp"
#include "server/rollouts/core/rollout_engine.hpp"

namespace argosy::server {

// Whether `long_enough` has passed since then; with windows, whether they were open for so long in every zone.
bool has_dwelt(const Policy& policy, const std::vector<ZoneView>& zones, Instant since, Duration long_enough,
               Instant now);
// The longest wait of a wave whose bake began then is over.
bool longest_dwell_is_over(const Policy& policy, const std::vector<ZoneView>& zones, Instant bake_began, Instant now);

}  // namespace argosy::server
