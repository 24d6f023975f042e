// The SQL that reads connectivity. Functors for DbPool::transact, run on the DB threads.
#pragma once

#include <pqxx/pqxx>

#include "server/devices/connectivity_service.hpp"

namespace argosy::server {

struct ReadTimeline {
  DeviceId device;
  Stretch range;
  Duration longest_pause;
  Instant now;
  Result<DeviceTimeline> operator()(pqxx::work& transaction) const;
};

// Reads a row for each site and hour of the range, summed by PostgreSQL, and one for each site.
struct ReadConnectivity {
  ConnectivityQuery query;
  ConnectivityOptions options;
  Instant now;
  Connectivity operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
