// Load, memory and temperature of the GPU as far as sysfs tells: of Jetson boards and of AMD cards. NVIDIA's cards in
// PCs tell theirs through NVML alone. Finds its files once; each reading opens only those.
#pragma once

#include <vector>

#include "agent/telemetry/sysfs.hpp"
#include "common/wire/health.hpp"

namespace argosy::agent {

class GpuSensors {
 public:
  explicit GpuSensors(const sysfs::Path& sys);
  void read(wire::HealthSample& sample) const;

 private:
  struct Card {
    sysfs::Path device;
    std::vector<sysfs::Path> temperatures;
  };
  static void read_card(const Card& card, wire::HealthSample& sample);

  std::vector<sysfs::Path> jetson_loads_;
  std::vector<Card> amd_cards_;
};

}  // namespace argosy::agent
