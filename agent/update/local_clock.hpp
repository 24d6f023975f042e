// What the clock on this device's wall shows: the time zone is TZ's or /etc/localtime's. Any thread.
#pragma once

#include "agent/update/time_windows.hpp"

namespace argosy::agent {

// Looks at the time zone again: a device may be carried into another.
LocalClock system_clock_on_the_wall();

}  // namespace argosy::agent
