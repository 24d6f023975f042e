#include "server/telemetry/query/device_fold.hpp"

namespace argosy::server {

std::vector<Measured>& DeviceFold::steps_of(const std::string& device, const std::string& version) {
  const auto is_last =
      last_ != devices_.end() && last_->first.first == device && (!by_version_ || last_->first.second == version);
  if (!is_last) last_ = devices_.try_emplace(Key(device, by_version_ ? version : std::string())).first;
  if (last_->second.empty()) last_->second.resize(grid_.steps);
  return last_->second;
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
  last_ = devices_.end();
  return taken;
}

}  // namespace argosy::server
