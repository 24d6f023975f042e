#include "server/telemetry/query/device_fold.hpp"

namespace argosy::server {

std::vector<Measured>& DeviceFold::steps_of(const std::string& device, const std::string& version) {
  auto& steps = devices_[Key(device, by_version_ ? version : std::string())];
  if (steps.empty()) steps.resize(grid_.steps);
  return steps;
}

void DeviceFold::add(TakenWindow&& window) {
  const auto step = grid_.step_of(window.started_at);
  if (!step) return;
  auto& steps = steps_of(window.device, window.version);
  steps[*step].add(metric_, std::move(window));
}

void DeviceFold::add_health(const std::string& device, std::size_t step, double total, std::uint64_t samples) {
  if (step < grid_.steps) steps_of(device, {})[step].add_samples(total, samples);
}

std::vector<MeasuredDevice> DeviceFold::take() {
  std::vector<MeasuredDevice> taken;
  taken.reserve(devices_.size());
  for (auto& [key, steps] : devices_) taken.push_back({key.first, key.second, std::move(steps)});
  devices_.clear();
  return taken;
}

}  // namespace argosy::server
