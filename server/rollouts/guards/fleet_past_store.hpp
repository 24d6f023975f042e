// What the devices that match a filter measured of late, for planning. For this capability's *_store.cpp, on DB
// threads, inside one transaction.
#pragma once

#include <string>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/devices/filter.hpp"
#include "server/rollouts/guards/fleet_past.hpp"

namespace argosy::server {

struct PastWanted {
  std::string model;
  std::string version;  // not of this one
  Duration baseline{0};
  Instant now{};
};
// Of devices_of_past devices that have the model, drawn by their ids' hash.
FleetPast load_fleet_past(pqxx::work& transaction, const Filter& filter, const PastWanted& wanted);

}  // namespace argosy::server
