// The SQL that keeps sites counted: how many devices each has, how many of them are reachable, and what that comes to
// by the hour. Triggers note each device that changes in uncounted_devices, and site_devices says as what it was
// counted last; so nothing is ever counted twice, and nobody goes through the fleet. DB threads; the leader alone
// writes.
#pragma once

#include <cstddef>
#include <vector>

#include <pqxx/pqxx>

#include "server/devices/connectivity.hpp"
#include "server/devices/connectivity_counts.hpp"

namespace argosy::server {

// Counts devices that changed, and carries the hours of those sites on, and of some that were not carried on since the
// hour began. Answers how many changes it took: as many as the limit, and there may be more.
struct CountDevices {
  SiteCounting counting;
  Instant now{};
  std::size_t operator()(pqxx::work& transaction) const;
};

void note_unwatched(pqxx::work& transaction, const Stretch& time);
// What ends after `from`, in the order of time, the newest 2000.
std::vector<Stretch> unwatched_since(pqxx::work& transaction, Instant from);

}  // namespace argosy::server
