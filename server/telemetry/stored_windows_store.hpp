// Windows as they lie in the database, packed or not, for those who judge: what they do not remember is read here, and
// nowhere else. Runs inside their transactions, on DB threads.
#pragma once

#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/telemetry/pair_memory.hpp"
#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

struct WindowsOfPair {
  WatchedPair pair;
  Instant after{};           // they start after this
  Instant before{};          // and before this
  std::string version = {};  // empty: of any
  std::string but_not = {};  // a version of which none are wanted
};

struct StoredWindowsWanted {
  std::vector<WindowsOfPair> pairs = {};
  std::size_t most = 1;  // of each pair
  bool newest_first = false;
};

// For each of the pairs, in their order; of figures that cannot be read, what comes before the fault.
std::vector<std::vector<TakenWindow>> read_stored_windows(pqxx::work& transaction, const StoredWindowsWanted& wanted);

}  // namespace argosy::server
