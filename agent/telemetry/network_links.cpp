#include "agent/telemetry/network_links.hpp"

#include "agent/telemetry/thermal_sensors.hpp"

namespace argosy::agent {

namespace {

constexpr double most_mbps = 1e6;

}  // namespace

NetworkLinks::NetworkLinks(const sysfs::Path& sys) {
  for (const auto& interface : sysfs::children(sys / "class/net", ""))
    if (sysfs::is_there(interface / "device")) interfaces_.push_back(interface);
}

// Documentation/ABI/testing/sysfs-class-net: `carrier` cannot be read while the interface is down; `speed` is in Mb/s,
// and -1 where the driver knows none.
void NetworkLinks::read(wire::HealthSample& sample) const {
  for (const auto& interface : interfaces_) {
    const bool up = sysfs::read_flag(interface / "carrier").value_or(false);
    sample.network_links_up = sample.network_links_up.value_or(0) + (up ? 1 : 0);
    const auto speed = sysfs::read_number(interface / "speed");
    if (up && speed && *speed > 0 && *speed <= most_mbps) raise_to(sample.network_speed_mbps, speed);
  }
}

}  // namespace argosy::agent
