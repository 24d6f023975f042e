#include "tests/sim/sim_network.hpp"

#include <utility>

namespace argosy::sim {

void Network::carry(const std::string& device, std::function<void()> deliver) {
  if (!reaches(device)) return;
  if (rng_.chance(faults_.repeat)) send_once(device, deliver);
  send_once(device, std::move(deliver));
}

void Network::send_once(const std::string& device, std::function<void()> deliver) {
  if (loses()) return;
  const Duration delay{
      1 + static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(faults_.longest_delay.count())))};
  scheduler_.in(delay, [this, device, deliver = std::move(deliver)] {
    if (reaches(device)) deliver();
  });
}

void Network::calm_down() {
  faults_ = {};
  cut_.clear();
}

}  // namespace argosy::sim
