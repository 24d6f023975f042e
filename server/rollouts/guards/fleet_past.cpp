#include "server/rollouts/guards/fleet_past.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "common/stats/stratified_effect.hpp"

namespace argosy::server {
namespace {

constexpr std::uint64_t fewest_changes = 3;

using Windows = std::span<const TakenWindow>;

std::optional<double> figure_over(const GuardedMetric& metric, Windows windows, std::uint64_t min_samples) {
  Figures figures;
  for (const TakenWindow& window : windows) add(figures, window);
  const auto figure = spec_of(metric).figure(figures, metric.number);
  if (!figure || figure->samples < min_samples) return std::nullopt;
  return figure->value;
}

std::optional<double> change_between(Scale scale, std::optional<double> before, std::optional<double> after) {
  if (!before || !after) return std::nullopt;
  const auto from = on_scale(scale, *before);
  const auto to = on_scale(scale, *after);
  if (!from || !to) return std::nullopt;
  return *to - *from;
}

double median_of_figures(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// From one half of what was measured to the other, and from all before to the newest window: what of a device's change
// stays, and what one window adds.
ChangeSpread spread_of(const RunningMoments& of_halves, const RunningMoments& of_windows) {
  const double stays = of_halves.variance().value_or(0);
  const double with_window = of_windows.n >= fewest_changes ? of_windows.variance().value_or(0) : stays;
  return {.device = std::sqrt(stays), .window = std::sqrt(std::max(0.0, with_window - stays))};
}

}  // namespace

MetricPast past_of(const FleetPast& past, const GuardedMetric& metric, std::uint64_t min_samples) {
  MetricPast found;
  const GuardSpec& spec = spec_of(metric);
  if (spec.source != GuardSource::windows) {
    found.is_known = false;
    return found;
  }
  if (spec.figure == nullptr) {  // who is silent: whoever sends windows can be
    found.reported_by = past.devices.size();
    return found;
  }
  std::vector<double> figures;
  RunningMoments of_halves, of_windows;
  for (const auto& windows : past.devices) {
    const Windows all(windows);
    const auto figure = figure_over(metric, all, 1);
    if (!figure || !on_scale(metric.scale, *figure)) continue;
    ++found.reported_by;
    figures.push_back(*figure);
    const auto half = all.size() / 2;
    const auto of_half = change_between(metric.scale, figure_over(metric, all.first(half), min_samples),
                                        figure_over(metric, all.subspan(half), min_samples));
    if (!of_half) continue;
    of_halves.add(*of_half);
    const auto of_window = change_between(metric.scale, figure_over(metric, all.first(all.size() - 1), min_samples),
                                          figure_over(metric, all.last(1), 1));
    if (of_window) of_windows.add(*of_window);
  }
  if (!figures.empty()) found.usual = median_of_figures(std::move(figures));
  if (of_halves.n >= fewest_changes) found.spread = spread_of(of_halves, of_windows);
  return found;
}

}  // namespace argosy::server
