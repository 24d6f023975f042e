// Why a device runs what it runs: for each model, the rollout whose wish it follows, and the newest one that has it.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/instant.hpp"
#include "server/rollouts/core/rollout.hpp"

namespace argosy::server {

struct DeviceAssignment {
  std::string model;
  std::string version;  // of the rollout
  std::int64_t rollout = 0;
  std::string rollout_name;
  bool stands = false;
  std::optional<std::string> told_version{};  // what the device is to run by the rollout's wish; none: it told nothing
  std::optional<Instant> told_at{};
  std::optional<DeviceStep> step{};  // none: the rollout's rows are too old to be kept
  std::string cause{};
  std::string message{};
  std::optional<Instant> joined_at{};      // while the rollout stood
  std::optional<Instant> resting_until{};  // of this model
};

// Of those of a device, the newest rollout of each model first: what is told, and the newest beside it.
std::vector<DeviceAssignment> that_matter(const std::vector<DeviceAssignment>& newest_first);
// A sentence for people.
std::string why(const DeviceAssignment& assignment);

}  // namespace argosy::server
