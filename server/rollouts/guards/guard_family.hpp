// Guards of one family of metrics (the quantiles of latency) rise and fall together: one permutation of the devices
// judges them all with the family's part of alpha, where each by itself would have a share of it. Pure; one owner;
// borrows the rows it is made of. Costs nothing until somebody asks, then one test over all classes, or one in a class.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/stats/device_rows.hpp"
#include "common/stats/max_t.hpp"
#include "common/stats/permutation.hpp"
#include "server/rollouts/guards/panel.hpp"

namespace argosy::server {

class GuardFamily {
 public:
  struct Metric {
    const PanelRows* rows = nullptr;
    WorseWhen worse = WorseWhen::higher;
  };

  // Compared are the devices that all of them have measured.
  explicit GuardFamily(const std::vector<Metric>& metrics);

  // That the canaries are no worse by this metric, adjusted for the others (Westfall and Young's step-down); over all
  // classes, or in one. 1 where nothing can be compared.
  double p(std::size_t metric, std::optional<std::uint32_t> stratum, const PermutationPlan& plan);

 private:
  std::vector<FamilyMember> tested(std::optional<std::uint32_t> stratum, const PermutationPlan& plan) const;

  std::size_t metrics_ = 0;
  std::vector<DevicePlace> devices_;
  std::vector<double> harms_;  // device after device
  std::map<std::optional<std::uint32_t>, std::vector<FamilyMember>> tested_;
};

// Whether a metric is measured on nearly as many devices as the one that is measured on most: with fewer it would take
// devices from the comparison of all.
bool is_measured_enough(const PanelRows& rows, std::size_t most_rows);

}  // namespace argosy::server
