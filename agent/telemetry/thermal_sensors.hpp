// How hot CPU, GPU and NPU are, and whether heat holds the CPU back, or on a Raspberry Pi its supply. Finds its files
// once; each reading opens only those.
#pragma once

#include <vector>

#include "agent/telemetry/rates.hpp"
#include "agent/telemetry/sysfs.hpp"
#include "common/wire/health.hpp"

namespace argosy::agent {

class ThermalSensors {
 public:
  explicit ThermalSensors(const sysfs::Path& sys);
  // Rates go by the sample's uptime.
  void read(wire::HealthSample& sample, Rates& rates) const;

 private:
  std::vector<sysfs::Path> cpu_;
  std::vector<sysfs::Path> gpu_;
  std::vector<sysfs::Path> npu_;
  std::vector<sysfs::Path> cpu_coolers_;
  std::vector<sysfs::Path> held_back_ms_;  // how long each of Intel's packages was slowed down
  std::optional<sysfs::Path> pi_faults_;
};

// In degrees, of a file in millidegrees as thermal zones and hwmon chips have them; absent when no sensor can mean it.
std::optional<double> temperature_of(const sysfs::Path& millidegrees);
void raise_to(std::optional<double>& highest, std::optional<double> value);

}  // namespace argosy::agent
