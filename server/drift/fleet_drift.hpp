// Which features moved on so many devices for so long that it is the season, or the reference is of another world. Told
// once and shown; it pages nobody. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/instant.hpp"
#include "server/drift/drift.hpp"
#include "server/drift/judged_reference.hpp"

namespace argosy::server {

struct FleetDrift {
  std::string model;
  std::string version;
  std::string feature;
  double share = 0;  // of the devices, those that moved in the last full hour
  std::size_t devices = 0;
  std::optional<Instant> since = {};      // more than fleet_share have
  std::optional<Instant> called_at = {};  // it was told as a season
  PeerUsual training = {};
  PeerUsual own = {};
  PeerUsual last_year = {};
};

// The next state of one feature after an hour. A season that was called ends at half of the share that calls it.
void take_hour(const DriftRule& rule, Duration hour, const PeerTable& peers, std::size_t place, Instant now,
               FleetDrift& drift);

std::string describe_fleet_drift(const FleetDrift& drift);

}  // namespace argosy::server
