// What stands in the database about the whole fleet, as figures for others' monitoring. Pure. No label grows with the
// fleet: of classes, agents, models with their versions, and rules of alerts the most frequent are named and the others
// added up as `other`, also where something is called that.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/figure_family.hpp"

namespace argosy::server {

struct FleetTally {
  std::vector<std::string> of;  // one value for each label
  std::int64_t count = 0;
};

struct RolloutProgress {
  std::int64_t id = 0;
  std::string model;
  std::string version;
  std::int64_t wave = 0;  // the open one, from 0
  std::int64_t waves = 0;
  std::vector<FleetTally> steps;  // of its devices, failures by their cause
};

struct FleetFigures {
  std::vector<FleetTally> presence;       // presence
  std::vector<FleetTally> classes;        // hardware class
  std::vector<FleetTally> agents;         // version of the agent
  std::vector<FleetTally> models;         // model, version that is served; empty: none yet
  std::vector<FleetTally> alerts;         // rule, severity, state; of those that are open
  std::vector<FleetTally> drifting;       // model, version: devices with a feature that drifted
  std::vector<FleetTally> rollouts;       // state
  std::vector<RolloutProgress> progress;  // of those that are active, the newest
  std::vector<FleetTally> quarantine;     // kind of message, of those that came within a day
};

inline constexpr std::size_t most_named = 50;  // values of one label, or of labels together

std::vector<FigureFamily> families_of(const FleetFigures& figures);

}  // namespace argosy::server
