// The SQL that finds whose telemetry may have come without being heard. A functor for DbPool::transact.
#pragma once

#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/telemetry/watch.hpp"

namespace argosy::server {

struct SeenPair {
  WatchedPair pair;
  Instant seen_at{};
};

struct SeenSlice {
  std::vector<SeenPair> pairs;
  std::string last_device;  // the next slice begins after it
  std::size_t devices = 0;  // fewer than asked for: there are no more
};

// The next `devices` devices in the order of their names: the pairs of those that were seen since `since`.
struct FindSeen {
  std::string after;
  std::size_t devices;
  Instant since;
  WatchedKinds kinds;
  SeenSlice operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
