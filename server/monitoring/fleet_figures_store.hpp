// The SQL behind the fleet's figures: what triggers keep and what partial indexes hold, never the devices one by one. A
// functor for DbPool::transact. Read only.
#pragma once

#include <pqxx/pqxx>

#include "server/monitoring/fleet_figures.hpp"

namespace argosy::server {

struct ReadFleetFigures {
  FleetFigures operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
