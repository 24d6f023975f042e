#include "server/rollouts/guards/panel.hpp"

#include <algorithm>
#include <utility>

namespace argosy::server {
namespace {

Figures& begun_in(WaveFigures& side, int wave) {
  if (side.wave != wave) side = {wave, {}};
  return side.figures;
}

// The side that the time `at` belongs to, when the device served `is_new` then.
WaveFigures* side_at(PanelMember& member, const PanelWave& open, bool is_new, Instant at) {
  if (at < open.opened_at) return nullptr;
  if (!is_new) return member.updated_since ? nullptr : &member.waiting;
  return at < *member.updated_since + open.warm_up ? nullptr : &member.updated;
}

std::optional<double> median_of(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// A figure that rests on enough, with its place on the metric's scale.
struct Measured {
  double value = 0;
  double scaled = 0;
};
std::optional<Measured> measured(const GuardedMetric& metric, const Figures& side, std::uint64_t min_samples) {
  const auto figure = spec_of(metric).figure(side, metric.number);
  if (!figure || figure->samples < min_samples) return std::nullopt;
  const auto scaled = on_scale(metric.scale, figure->value);
  if (!scaled) return std::nullopt;
  return Measured{figure->value, *scaled};
}

// Rows of one metric, device by device.
struct Rows {
  const GuardPanel& panel;
  const GuardedMetric& metric;
  const RowRules& rules;
  PanelRows found{};
  std::vector<double> canary_values{}, control_values{}, before_values{};

  std::optional<Measured> measured_now(const WaveFigures& side, Duration least_exposure) const {
    const Figures* figures = figures_in(side, rules.wave);
    if (figures == nullptr || figures->exposure < least_exposure) return std::nullopt;
    return measured(metric, *figures, rules.min_samples);
  }

  void take_canary(const PanelMember& member) {
    ++found.canaries;
    const auto since = measured_now(member.updated, rules.least_exposure);
    if (!since) {
      ++found.unmeasured;
      return;
    }
    const bool is_first_install = member.old_version.empty();
    const auto before = measured(metric, member.before, rules.min_samples);
    if (!is_first_install && !before) {
      ++found.unmeasured;
      return;
    }
    canary_values.push_back(since->value);
    if (is_first_install) {
      ++found.first_installs;
      return add(member, {peers_of(member.stratum), Arm::canary, 0, since->scaled});
    }
    before_values.push_back(before->value);
    add(member, {member.stratum, Arm::canary, before->scaled, since->scaled});
  }

  void add(const PanelMember& member, const DeviceRow& row) {
    found.rows.push_back(row);
    found.members.push_back(static_cast<std::uint32_t>(&member - panel.members.data()));
  }

  void take_control(const PanelMember& member) {
    const auto since = measured_now(member.waiting, Duration{0});
    const auto before = measured(metric, member.before, rules.min_samples);
    if (!since || !before) return;
    ++found.controls;
    control_values.push_back(since->value);
    add(member, {member.stratum, Arm::control, before->scaled, since->scaled});
  }

  // Those that wait in the same class show what a device of it measures now.
  void add_peers() {
    if (found.first_installs == 0) return;
    const std::size_t own = found.rows.size();
    for (std::size_t i = 0; i < own; ++i) {
      const DeviceRow row = found.rows[i];
      if (row.arm != Arm::control) continue;
      add(panel.members[found.members[i]], {peers_of(row.stratum), Arm::control, 0, row.after});
    }
  }

  std::uint32_t peers_of(std::uint32_t stratum) const {
    return static_cast<std::uint32_t>(panel.classes.size()) + stratum;
  }
};

bool is_canary(const PanelMember& member) {
  return member.has_it || member.updated_since;
}

Duration window_length(const PanelMember& member) {
  const Figures& before = member.before;
  return before.windows == 0 ? Duration{0} : before.exposure / static_cast<std::int64_t>(before.windows);
}

std::optional<Instant> last_heard(const PanelMember& member) {
  std::optional<Instant> last = member.before.last;
  for (const auto* side : {&member.waiting, &member.updated})
    if (side->figures.last && (!last || *last < *side->figures.last)) last = side->figures.last;
  return last;
}

// Of a member that ever sent windows: when it counts as silent unless it sends another.
std::optional<Instant> silent_from(const PanelMember& member, const RowRules& rules) {
  const auto last = last_heard(member);
  if (!last || member.has_left) return std::nullopt;
  return *last + rules.silent_after + 2 * window_length(member);
}

// Each member that ever sent windows: 1 when it has been silent for too long, 0 while it reports.
PanelRows silence_of(const GuardPanel& panel, const RowRules& rules) {
  PanelRows found;
  double silent_canaries = 0, silent_controls = 0;
  for (const PanelMember& member : panel.members) {
    const auto silent_at = silent_from(member, rules);
    if (!silent_at) continue;
    ++found.was_reported;
    const bool canary = is_canary(member);
    const double silent = rules.now > *silent_at ? 1 : 0;
    ++(canary ? found.canaries : found.controls);
    (canary ? silent_canaries : silent_controls) += silent;
    found.rows.push_back({member.stratum, canary ? Arm::canary : Arm::control, 0, silent});
  }
  if (found.canaries > 0) found.canary = silent_canaries / static_cast<double>(found.canaries);
  if (found.controls > 0) found.control = silent_controls / static_cast<double>(found.controls);
  return found;
}

}  // namespace

bool take(PanelMember& member, const PanelWave& open, std::string_view version, const TakenWindow& window) {
  const bool is_new = version == open.version;
  if (!is_new && version != member.old_version) return false;
  const bool is_first = is_new && !member.updated_since;
  if (is_first) member.updated_since = window.started_at;
  WaveFigures* side = side_at(member, open, is_new, window.started_at);
  if (side == nullptr) return is_first;
  Figures& figures = begun_in(*side, open.wave);
  add(figures, window);
  if (open.counts_features) add_features(figures, window.features);
  return true;
}

// What the board measures is of the release that it serves then.
bool take(PanelMember& member, const PanelWave& open, const wire::HealthSample& sample, Instant at) {
  WaveFigures* side = side_at(member, open, member.updated_since && at >= *member.updated_since, at);
  if (side == nullptr) return false;
  add(begun_in(*side, open.wave), sample);
  return true;
}

namespace {

// `score` each side of each member against the release that ran there.
template <class Score>
void score_sides(GuardPanel& panel, const std::string& new_version, Score score) {
  for (PanelMember& member : panel.members) {
    score(member.before, member.old_version);
    score(member.waiting.figures, member.old_version);
    score(member.updated.figures, new_version);
  }
}

}  // namespace

void score_drift(GuardPanel& panel, const std::string& new_version, const FeatureReferences& references) {
  score_sides(panel, new_version, [&references](Figures& side, const std::string& version) {
    const auto reference = references.find(version);
    if (reference != references.end()) side.drift = drift_score(reference->second, side.features);
  });
}

void score_contracts(GuardPanel& panel, const std::string& new_version, const InputContracts& contracts) {
  score_sides(panel, new_version, [&contracts](Figures& side, const std::string& version) {
    const auto contract = contracts.find(version);
    if (contract == contracts.end()) return;
    const bool has_room = side.features.size() < Figures::most_features;
    side.contract = contract_score(*contract->second, side.features, has_room);
  });
}

const Figures* figures_in(const WaveFigures& side, int wave) {
  return side.wave == wave ? &side.figures : nullptr;
}

Duration exposure_of(const GuardPanel& panel, int wave) {
  std::vector<double> exposures;
  for (const PanelMember& member : panel.members)
    if (const Figures* side = figures_in(member.updated, wave))
      exposures.push_back(static_cast<double>(side->exposure.count()));
  return Duration{static_cast<std::int64_t>(median_of(std::move(exposures)).value_or(0))};
}

bool has_no_past(const GuardPanel& panel) {
  return std::none_of(panel.members.begin(), panel.members.end(),
                      [](const PanelMember& member) { return !member.old_version.empty(); });
}

std::vector<StratumSize> planned_sizes(const GuardPanel& panel, int wave) {
  std::vector<StratumSize> sizes(panel.classes.size());
  for (const PanelMember& member : panel.members) {
    if (member.has_left) continue;
    ++sizes.at(member.stratum).devices;
    sizes.at(member.stratum).canaries += member.wave <= wave ? 1 : 0;
  }
  return sizes;
}

std::vector<SilenceStep> silence_since(const GuardPanel& panel, const RowRules& rules, Instant since) {
  std::vector<SilenceStep> steps(panel.classes.size());
  for (const PanelMember& member : panel.members) {
    const auto silent_at = silent_from(member, rules);
    if (!silent_at || *silent_at < since) continue;
    SilenceStep& step = steps.at(member.stratum);
    const bool canary = is_canary(member);
    ++(canary ? step.reporting_canaries : step.reporting_controls);
    if (rules.now > *silent_at) ++(canary ? step.silent_canaries : step.silent_controls);
  }
  return steps;
}

PanelRows rows_of(const GuardPanel& panel, const GuardedMetric& metric, const RowRules& rules) {
  if (spec_of(metric).figure == nullptr) return silence_of(panel, rules);
  Rows rows{panel, metric, rules};
  for (const PanelMember& member : panel.members) {
    if (measured(metric, member.before, 1)) ++rows.found.was_reported;
    if (member.has_left) continue;
    if (is_canary(member))
      rows.take_canary(member);
    else
      rows.take_control(member);
  }
  rows.add_peers();
  rows.found.canary = median_of(std::move(rows.canary_values));
  rows.found.control = median_of(std::move(rows.control_values));
  rows.found.before = median_of(std::move(rows.before_values));
  return std::move(rows.found);
}

}  // namespace argosy::server
