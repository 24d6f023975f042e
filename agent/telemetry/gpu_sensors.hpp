// Load, memory, temperature and power of GPUs and NPUs as far as sysfs tells: of Jetson boards, of AMD's and Intel's.
// NVIDIA's cards in PCs tell theirs through NVML alone: nvml.hpp. Finds its files once; each reading opens only those.
#pragma once

#include <vector>

#include "agent/telemetry/rates.hpp"
#include "agent/telemetry/sysfs.hpp"
#include "common/wire/health.hpp"

namespace argosy::agent {

class GpuSensors {
 public:
  explicit GpuSensors(const sysfs::Path& sys);
  // Rates go by the sample's uptime.
  void read(wire::HealthSample& sample, Rates& rates) const;

 private:
  struct AmdCard {
    sysfs::Path device;
    std::vector<sysfs::Path> chips;
  };
  void find_card(const sysfs::Path& card);
  static void read_card(const AmdCard& card, wire::HealthSample& sample);

  std::vector<sysfs::Path> jetson_loads_;
  std::vector<AmdCard> amd_cards_;
  std::vector<sysfs::Path> idle_ms_;   // how long each of Intel's engines slept
  std::vector<sysfs::Path> energies_;  // in microjoules, of Intel's cards
  std::vector<sysfs::Path> npus_;
};

}  // namespace argosy::agent
