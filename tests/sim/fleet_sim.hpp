// One simulated run: a fleet, its server, a release and what is wrong with it, operators, and faults that end. First
// safety is watched at every step, then liveness is asked for: faults off, everything reachable converges in time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/rollouts/core/rollout.hpp"

namespace argosy::sim {

enum class Badness : std::uint8_t { none, refused, slow, crashes, inaccurate };

struct Scenario {
  std::uint64_t seed = 0;
  bool trace = false;  // write what devices do to standard error
  bool calm = false;   // no faults and no operators at all
  Badness badness = Badness::none;
};
// Drawn from the seed; every fourth is calm.
Scenario scenario_of(std::uint64_t seed);

struct Outcome {
  std::vector<std::string> violations;  // the first few
  server::RolloutState first_state = server::RolloutState::draft;
  server::Counts first_counts;  // of the first rollout
  std::int64_t told = 0;        // by the first rollout
  std::int64_t planned_first_wave = 0;
  std::uint64_t events = 0;
  std::uint64_t shadow_reports = 0;  // that told the server more of a shadow run
  std::uint64_t newcomers = 0;       // devices that joined a rollout that stood
};
Outcome run(const Scenario& scenario);

}  // namespace argosy::sim
