// What a rollout's first canary can find out, told before the start: for each guard the smallest p-value it can show at
// each look, whether it can ever roll back or pass, the harm it can see in a day, and how many devices it would take.
// Pure. Counted with all devices there, measured and alike: what comes can only be worse. Some dozen milliseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "common/stats/assignments.hpp"
#include "server/rollouts/core/policy.hpp"
#include "server/rollouts/guards/fleet_past.hpp"

namespace argosy::server {

struct ClassCount {  // of hardware
  std::string name;
  std::uint64_t devices = 0;   // of the rollout
  std::uint64_t canaries = 0;  // of these, in its first wave
};

struct LookReach {
  int number = 1;
  std::int64_t after_s = 0;  // of measuring
  double alpha = 0;          // that it may spend on a roll back over all classes
  double least_p = 1;
  bool can_fail = false;
  bool can_pass = false;
};

struct GuardReach {
  GuardedMetric metric{};
  GuardMode mode = GuardMode::automatic;
  bool is_known = true;            // whether it was reported: of what windows do not tell it is not
  std::uint64_t reported_by = 0;   // of the devices that were looked at
  std::vector<LookReach> looks{};  // of the first wave
  bool can_fail = false;           // at one of them
  bool can_pass = false;
  std::optional<std::uint64_t> needed{};  // the fewest canaries that can do both; nothing when half of the fleet cannot
  std::optional<double> visible{};  // on the metric's scale, + is harm: seen within a day in four of five rollouts
  std::string message{};            // one sentence for the operator
};

struct CanaryReach {
  std::vector<ClassCount> classes;
  std::uint64_t looked_at = 0;                // devices whose past was looked at
  std::optional<std::uint64_t> written_as{};  // canaries that the policy's waves ask for, where they were widened
  std::vector<GuardReach> guards{};           // in the policy's order
  std::string summary{};                      // one line for the decision log; empty without guards
};

std::uint64_t devices_of(const std::vector<ClassCount>& classes);
std::uint64_t canaries_of(const std::vector<ClassCount>& classes);

// `written_as`: what the policy's waves ask for; of a canary that is larger. Errc::invalid_argument where a policy's
// dwell holds more looks than can be spent over.
Result<CanaryReach> reach_of(const Policy& policy, const std::vector<ClassCount>& classes, const FleetPast& past,
                             std::optional<std::uint64_t> written_as = std::nullopt);

// The waves as they are planned: with `canary` widen the first one holds as many devices as the guards need that are
// not advisory. `canaries` of the classes are those of the policy as it is written.
Result<std::vector<WavePolicy>> waves_for(const Policy& policy, const std::vector<ClassCount>& classes);

// Why a rollout with this canary is refused: a required guard could not come to a verdict. Empty: it is not.
Result<std::string> canary_refusal(const Policy& policy, const std::vector<ClassCount>& classes);

nlohmann::json encode(const CanaryReach& reach);

}  // namespace argosy::server
