// From what a device reports to where it stands in a rollout. Pure. Reports are levels: they come twice, late and out
// of order, so the mapping is idempotent, ignores other attempts, and an outcome is counted once. A time-out is only a
// guess: the device's own outcome replaces it. A device that failed and serves the release after all has succeeded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/wire/state.hpp"
#include "server/rollouts/core/rollout.hpp"

namespace argosy::server {

// A device's row in a rollout, with what it was told to run.
struct Tracked {
  std::int64_t rollout = 0;
  int attempt = 1;
  std::string version{};                          // wanted
  std::vector<std::string> digests{};             // of the release's variants
  std::optional<std::string> previous_version{};  // where a rollback sends it
  DeviceStep step = DeviceStep::queued;
  std::string cause{};
  std::string message{};
  std::string source{};
  std::uint64_t bytes = 0;
  std::uint64_t full_bytes = 0;
  bool held = false;
};

struct Progress {
  DeviceStep step = DeviceStep::queued;
  std::string cause{};  // of a failure; of a success already_installed or probation_too_few
  std::string message{};
  std::string source{};  // "patch", "full", "local" or empty
  std::uint64_t bytes = 0;
  std::uint64_t full_bytes = 0;
  bool held = false;                                  // it waits because its owner wants it to
  nlohmann::json numbers = nlohmann::json::object();  // of an outcome: metric, threshold, latencies, memory
  friend bool operator==(const Progress&, const Progress&) = default;
};

// The row's new content, or nothing when the report does not change it.
std::optional<Progress> map_report(const Tracked& row, const wire::ModelReport& report);

// What its shadow run counted so far, where it speaks of this attempt and there was one.
std::optional<wire::ShadowCounts> shadow_of_report(const Tracked& row, const wire::ModelReport& report);

}  // namespace argosy::server
