// The clock of the time-out in SQL, of rollout_devices as q: an Instant, and whether it runs. There are two, each with
// an index in its order that holds those alone that run. Pure.
#pragma once

#include <string>

namespace argosy::server {

struct ClockSql {
  std::string runs;   // a condition
  std::string since;  // what the clock shows
};

// Of a device that has begun: not while its owner lets it wait and it can be reached; one that goes away while it waits
// is timed out from then. The index is rollout_devices_begun.
const ClockSql& clock_of_begun();
// Of a device that was told, while it can be reached. The index is rollout_devices_told.
const ClockSql& clock_of_told();

}  // namespace argosy::server
