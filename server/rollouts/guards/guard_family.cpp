#include "server/rollouts/guards/guard_family.hpp"

#include <utility>

namespace argosy::server {
namespace {

struct MeasuredDevice {
  DevicePlace place{};
  std::vector<double> harms{};
};
// A first install stands beside its peers in a class of its own, so that a member may have a row in each.
using MeasuredDevices = std::map<std::pair<std::uint32_t, std::uint32_t>, MeasuredDevice>;

MeasuredDevices measured_by(const std::vector<GuardFamily::Metric>& metrics) {
  MeasuredDevices devices;
  for (std::size_t metric = 0; metric < metrics.size(); ++metric) {
    const PanelRows& seen = *metrics[metric].rows;
    for (std::size_t i = 0; i < seen.rows.size(); ++i) {
      const DeviceRow& row = seen.rows[i];
      MeasuredDevice& device = devices[{seen.members[i], row.stratum}];
      if (device.harms.size() != metric) continue;  // not measured by one before
      device.place = {row.stratum, row.arm};
      device.harms.push_back(harm_of(row, metrics[metric].worse));
    }
  }
  return devices;
}

}  // namespace

GuardFamily::GuardFamily(const std::vector<Metric>& metrics) : metrics_(metrics.size()) {
  for (const auto& [key, device] : measured_by(metrics)) {
    if (device.harms.size() != metrics_) continue;
    devices_.push_back(device.place);
    harms_.insert(harms_.end(), device.harms.begin(), device.harms.end());
  }
}

double GuardFamily::p(std::size_t metric, std::optional<std::uint32_t> stratum, const PermutationPlan& plan) {
  auto found = tested_.find(stratum);
  if (found == tested_.end()) found = tested_.emplace(stratum, tested(stratum, plan)).first;
  return metric < found->second.size() ? found->second[metric].p_step_down : 1;
}

std::vector<FamilyMember> GuardFamily::tested(std::optional<std::uint32_t> stratum, const PermutationPlan& plan) const {
  std::vector<DevicePlace> devices;
  std::vector<double> harms;
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    if (stratum && devices_[i].stratum != *stratum) continue;
    devices.push_back(devices_[i]);
    for (std::size_t metric = 0; metric < metrics_; ++metric) harms.push_back(harms_[i * metrics_ + metric]);
  }
  const std::vector<double> margins(metrics_, 0);
  auto members = max_t_test({.devices = devices, .harms = harms, .margins = margins}, plan);
  return members ? std::move(*members) : std::vector<FamilyMember>{};
}

bool is_measured_enough(const PanelRows& rows, std::size_t most_rows) {
  constexpr double enough = 0.9;
  return static_cast<double>(rows.rows.size()) >= enough * static_cast<double>(most_rows) && !rows.rows.empty();
}

}  // namespace argosy::server
