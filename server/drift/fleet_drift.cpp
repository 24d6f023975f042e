#include "server/drift/fleet_drift.hpp"

#include <algorithm>
#include <cmath>

namespace argosy::server {

void take_hour(const DriftRule& rule, Duration hour, const PeerTable& peers, std::size_t place, Instant now,
               FleetDrift& drift) {
  drift.training = peers.usual(place, Against::training);
  drift.own = peers.usual(place, Against::own);
  drift.last_year = peers.usual(place, Against::last_year);
  // What half of them can be compared with says more of the season.
  const auto& first = 2 * drift.own.devices >= drift.training.devices ? drift.own : drift.training;
  const auto& usual = 2 * drift.last_year.devices >= first.devices ? drift.last_year : first;
  drift.share = usual.moved_share;
  drift.devices = usual.devices;
  const double limit = drift.called_at ? rule.fleet_share / 2 : rule.fleet_share;
  if (usual.devices < rule.min_peers || usual.moved_share <= limit) {
    drift.since.reset();
    drift.called_at.reset();
    return;
  }
  if (!drift.since) drift.since = now;
  if (!drift.called_at && now - *drift.since >= rule.fleet_hours * hour) drift.called_at = now;
}

std::string describe_fleet_drift(const FleetDrift& drift) {
  return "\"" + drift.feature + "\" of " + drift.model + " " + drift.version + " has moved on " +
         std::to_string(std::lround(100 * drift.share)) + " % of " + std::to_string(drift.devices) +
         " devices: a season, or a reference of another world; no single device is at fault";
}

}  // namespace argosy::server
