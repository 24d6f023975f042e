// How hot CPU and GPU are, and whether heat holds the CPU back. Finds its files once; each reading opens only those.
#pragma once

#include <vector>

#include "agent/telemetry/sysfs.hpp"
#include "common/wire/health.hpp"

namespace argosy::agent {

class ThermalSensors {
 public:
  explicit ThermalSensors(const sysfs::Path& sys);
  void read(wire::HealthSample& sample) const;

 private:
  std::vector<sysfs::Path> cpu_;
  std::vector<sysfs::Path> gpu_;
  std::vector<sysfs::Path> cpu_coolers_;
};

// In degrees, of a file in millidegrees as thermal zones and hwmon chips have them; absent when no sensor can mean it.
std::optional<double> temperature_of(const sysfs::Path& millidegrees);
void raise_to(std::optional<double>& highest, std::optional<double> value);

}  // namespace argosy::agent
