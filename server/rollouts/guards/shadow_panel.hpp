// The rows that shadow runs give the guards: one for each device of the panel that ran both versions on the same
// inputs, and whose counts say enough of the metric. Pure.
#pragma once

#include <cstdint>

#include "server/rollouts/guards/panel.hpp"

namespace argosy::server {

// Fed by shadow runs, not by windows; no other device has to wait for it.
inline bool is_of_shadow_runs(const GuardSpec& spec) {
  return spec.source == GuardSource::shadow_runs;
}

// The figure of the old version stands before, that of the new one after. For a metric of shadow runs.
PanelRows shadow_rows_of(const GuardPanel& panel, const GuardSpec& spec, std::uint64_t min_samples);

}  // namespace argosy::server
