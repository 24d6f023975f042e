// Whether the system's clock follows a time source. Never blocks.
#pragma once

#include <optional>

#include "agent/telemetry/sysfs.hpp"

namespace argosy::agent {

// What the kernel says (adjtimex(2), STA_UNSYNC); nothing where a sandbox forbids to ask, as systemd's ProtectClock
// does.
std::optional<bool> kernel_clock_synchronised();
// systemd-timesyncd leaves a mark below `run` once it synchronised; without it nothing is known: others leave none.
std::optional<bool> timesyncd_synchronised(const sysfs::Path& run);

}  // namespace argosy::agent
