// What some devices of the fleet measured of late, on the releases before: whether a metric is reported at all, and how
// much a device's figure changes by itself. Planning tells from it what a canary can see. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/stats/reach.hpp"
#include "server/rollouts/guards/figures.hpp"
#include "server/rollouts/guards/guard_metrics.hpp"

namespace argosy::server {

inline constexpr std::size_t devices_of_past = 50;    // that are looked at
inline constexpr std::size_t windows_of_device = 96;  // the newest of each

struct FleetPast {
  std::uint64_t looked_at = 0;  // devices that have the model
  std::vector<std::vector<TakenWindow>>
      devices;  // the windows of those that sent any, oldest first, of one release each
};

struct MetricPast {
  bool is_known = true;                // windows alone are looked at; they tell nothing of others' metrics
  std::uint64_t reported_by = 0;       // devices
  std::optional<double> usual;         // the median device's figure, in the metric's unit
  std::optional<ChangeSpread> spread;  // of a device's change, on the metric's scale; nothing from fewer than three
};
// `min_samples` as the guard asks for on either side of a change.
MetricPast past_of(const FleetPast& past, const GuardedMetric& metric, std::uint64_t min_samples);

}  // namespace argosy::server
