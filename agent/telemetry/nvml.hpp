// NVIDIA's cards through NVML, its driver's library: found when the agent runs, and not needed to build it. What a card
// does not tell is absent. Blocking; a reading takes about a millisecond a card, the first opening of a sleeping driver
// up to some seconds, and of a card that fell off the bus for ever: patient_nvml.hpp. One owner.
#pragma once

#include <memory>

#include "agent/telemetry/rates.hpp"
#include "common/wire/health.hpp"

namespace argosy::agent {

class Nvml {
 public:
  static constexpr const char* usual_library = "libnvidia-ml.so.1";
  static constexpr unsigned most_cards = 16;

  // Null where there is no such library, or no driver that it could talk to.
  static std::unique_ptr<Nvml> open(const char* library = usual_library);
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  // Of several cards the busiest, the hottest, and the sums of memory and power. Power is the mean since the sample
  // before where the card counts its energy. False when the driver is gone: then open it again.
  bool read(wire::HealthSample& sample, Rates& rates) const;

 private:
  struct Functions;
  Nvml(void* library, std::unique_ptr<Functions> functions);

  void* library_;
  std::unique_ptr<Functions> call_;
};

}  // namespace argosy::agent
