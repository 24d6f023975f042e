// What the board draws, whether its supply is strong enough, and its battery. Finds its files once; each reading opens
// only those.
#pragma once

#include <vector>

#include "agent/telemetry/sysfs.hpp"
#include "common/wire/health.hpp"

namespace argosy::agent {

class PowerSensors {
 public:
  explicit PowerSensors(const sysfs::Path& sys);
  void read(wire::HealthSample& sample) const;

 private:
  struct Rail {
    sysfs::Path millivolts;
    sysfs::Path milliamperes;
  };
  std::optional<Rail> input_;  // the rail that feeds all others
  std::vector<sysfs::Path> under_voltage_alarms_;
  std::vector<sysfs::Path> batteries_;
};

}  // namespace argosy::agent
