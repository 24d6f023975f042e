#include "server/rollouts/guards/shadow_panel.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace argosy::server {
namespace {

std::optional<double> middle_of(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

PanelRows shadow_rows_of(const GuardPanel& panel, const GuardSpec& spec, std::uint64_t min_samples) {
  PanelRows found;
  std::vector<double> new_values, old_values;
  for (const PanelMember& member : panel.members) {
    if (!member.shadow || member.has_left) continue;
    const auto figure = spec.of_shadow(*member.shadow, min_samples);
    if (!figure) continue;
    ++found.was_reported;
    ++found.canaries;
    found.rows.push_back({member.stratum, Arm::canary, figure->old_version, figure->new_version});
    old_values.push_back(figure->old_version);
    new_values.push_back(figure->new_version);
  }
  found.canary = middle_of(std::move(new_values));
  found.before = middle_of(std::move(old_values));
  return found;
}

}  // namespace argosy::server
