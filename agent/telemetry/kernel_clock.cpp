#include "agent/telemetry/kernel_clock.hpp"

#include <sys/timex.h>

namespace argosy::agent {

std::optional<bool> kernel_clock_synchronised() {
  timex clock{};
  if (::adjtimex(&clock) < 0) return std::nullopt;
  return (clock.status & STA_UNSYNC) == 0;
}

std::optional<bool> timesyncd_synchronised(const sysfs::Path& run) {
  if (!sysfs::is_there(run / "systemd/timesync/synchronized")) return std::nullopt;
  return true;
}

}  // namespace argosy::agent
