// What became of the load's windows in the database: whatever the server says, and whatever was killed. Reads the same
// tables as scripts/lib/stored_windows.py. One connection, blocking; asked once, when the load is over.
#pragma once

#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "tests/bench/fleet_load/simulated_device.hpp"
#include "tests/bench/fleet_load/tally.hpp"

namespace argosy::fleet_load {

// Whether there is such a database; to be known before the load begins.
Result<void> check_database(const std::string& conninfo);

// Of this run alone: it knows its windows by the epochs of its devices' outboxes.
Result<StoredWindows> count_stored(const std::string& conninfo, const std::vector<SimulatedDevice>& devices);

}  // namespace argosy::fleet_load
