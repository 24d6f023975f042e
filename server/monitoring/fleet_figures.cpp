#include "server/monitoring/fleet_figures.hpp"

#include <algorithm>
#include <utility>

#include "server/devices/device.hpp"
#include "server/rollouts/core/rollout.hpp"

namespace argosy::server {
namespace {

// Labels of many values, and after them those of few, which are told of all.
struct LabelNames {
  std::vector<std::string> many;
  std::vector<std::string> few = {};
};

void add(std::vector<FleetTally>& tallies, FleetTally more) {
  const auto same =
      std::find_if(tallies.begin(), tallies.end(), [&more](const auto& each) { return each.of == more.of; });
  if (same == tallies.end()) return tallies.push_back(std::move(more));
  same->count += more.count;
}

// The most frequent ones; of all others the first `many` labels are `other`.
std::vector<FleetTally> named(std::vector<FleetTally> tallies, std::size_t many) {
  if (tallies.size() <= most_named) return tallies;
  std::stable_sort(tallies.begin(), tallies.end(),
                   [](const FleetTally& a, const FleetTally& b) { return a.count > b.count; });
  std::vector<FleetTally> all;
  for (std::size_t i = 0; i < tallies.size(); ++i) {
    if (i >= most_named) std::fill_n(tallies[i].of.begin(), many, "other");
    add(all, std::move(tallies[i]));
  }
  return all;
}

FigureFamily gauge_of(std::string name, std::string help, const LabelNames& names, std::vector<FleetTally> tallies) {
  FigureFamily family{std::move(name), std::move(help), MetricKind::gauge};
  std::vector<std::string> labels = names.many;
  labels.insert(labels.end(), names.few.begin(), names.few.end());
  for (FleetTally& tally : named(std::move(tallies), names.many.size())) {
    MetricLabels values;
    for (std::size_t i = 0; i < labels.size(); ++i) values.emplace_back(labels[i], std::move(tally.of.at(i)));
    family.add(std::move(values), static_cast<double>(tally.count));
  }
  return family;
}

// With a zero for each value that nothing has.
template <class Values>
std::vector<FleetTally> all_of(const Values& values, const std::vector<FleetTally>& tallies) {
  std::vector<FleetTally> all;
  for (const auto value : values) {
    const std::string name(to_string(value));
    const auto found = std::find_if(tallies.begin(), tallies.end(),
                                    [&name](const FleetTally& tally) { return tally.of.front() == name; });
    all.push_back({{name}, found == tallies.end() ? 0 : found->count});
  }
  return all;
}

std::vector<FigureFamily> progress_of(const std::vector<RolloutProgress>& rollouts) {
  FigureFamily wave{"argosy_fleet_rollout_wave", "The open wave of an active rollout, from 1", MetricKind::gauge};
  FigureFamily waves{"argosy_fleet_rollout_waves", "Waves of an active rollout", MetricKind::gauge};
  FigureFamily devices{"argosy_fleet_rollout_devices",
                       "Devices of an active rollout by their step, or by the cause of their failure",
                       MetricKind::gauge};
  for (const RolloutProgress& rollout : rollouts) {
    const MetricLabels labels{
        {"rollout", std::to_string(rollout.id)}, {"model", rollout.model}, {"version", rollout.version}};
    wave.add(labels, static_cast<double>(rollout.wave + 1));
    waves.add(labels, static_cast<double>(rollout.waves));
    for (const FleetTally& step : rollout.steps) {
      MetricLabels with_step = labels;
      with_step.emplace_back("step", step.of.front());
      devices.add(std::move(with_step), static_cast<double>(step.count));
    }
  }
  return {wave, waves, devices};
}

}  // namespace

std::vector<FigureFamily> families_of(const FleetFigures& figures) {
  std::vector<FigureFamily> families{
      gauge_of("argosy_fleet_devices", "Devices by presence", {{}, {"presence"}},
               all_of(all_presences, figures.presence)),
      gauge_of("argosy_fleet_class_devices", "Devices by hardware class", {{"hardware_class"}}, figures.classes),
      gauge_of("argosy_fleet_agent_devices", "Devices by the version of their agent", {{"agent"}}, figures.agents),
      gauge_of("argosy_fleet_model_devices", "Devices by the model and the version that they serve",
               {{"model", "version"}}, figures.models),
      gauge_of("argosy_fleet_open_alerts", "Alerts that are pending or firing", {{"rule"}, {"severity", "state"}},
               figures.alerts),
      gauge_of("argosy_fleet_drifting_devices", "Devices with a feature that drifted", {{"model", "version"}},
               figures.drifting),
      gauge_of("argosy_fleet_rollouts", "Rollouts by state", {{}, {"state"}},
               all_of(all_rollout_states(), figures.rollouts)),
      gauge_of("argosy_fleet_quarantined_devices",
               "Devices with a kind of message that is in quarantine and came within a day", {{}, {"kind"}},
               figures.quarantine)};
  for (FigureFamily& family : progress_of(figures.progress)) families.push_back(std::move(family));
  return families;
}

}  // namespace argosy::server
