// What the board and its processor draw, whether its supply is strong enough, and its battery. Finds its files once;
// each reading opens only those.
#pragma once

#include <vector>

#include "agent/telemetry/rates.hpp"
#include "agent/telemetry/sysfs.hpp"
#include "common/wire/health.hpp"

namespace argosy::agent {

class PowerSensors {
 public:
  explicit PowerSensors(const sysfs::Path& sys);
  // Rates go by the sample's uptime.
  void read(wire::HealthSample& sample, Rates& rates) const;

 private:
  struct Rail {
    sysfs::Path millivolts;
    sysfs::Path milliamperes;
  };
  void find_rails(const sysfs::Path& sys);
  std::optional<double> board_watts() const;

  std::optional<Rail> input_;                // the rail that feeds all others
  std::optional<sysfs::Path> input_mw_;      // the same as JetPack 4 has it
  std::vector<sysfs::Path> board_energies_;  // in microjoules, of Intel's and AMD's processors
  std::vector<sysfs::Path> cpu_energies_;
  std::optional<sysfs::Path> pi_faults_;
  std::vector<sysfs::Path> under_voltage_alarms_;
  std::vector<sysfs::Path> batteries_;
};

}  // namespace argosy::agent
