// What went wrong when this release was rolled out before, told to whoever is about to do it again. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace argosy::server {

struct EarlierTrouble {
  std::int64_t rollout = 0;
  std::string name;
  std::string decision;       // that stopped it: "halt", "roll back", "pause"; empty: none did
  std::string message;        // of that decision, with its figures
  std::int64_t refused = 0;   // devices that refused the release in validation
  std::int64_t executed = 0;  // with an outcome
};

// A sentence for each.
std::vector<std::string> warnings_of(const std::vector<EarlierTrouble>& troubles);

}  // namespace argosy::server
