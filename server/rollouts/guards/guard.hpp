// Guards: is the new release worse than the old one on the devices that run it? Pure functions over merged figures of
// the updated devices: each is its own baseline, on the release it ran before. Too few samples wait, and what cannot be
// measured is unknown: neither ever passes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/rollouts/core/policy.hpp"

namespace argosy::server {

struct GuardInput {
  GuardMetric metric{};
  double canary = 0;    // the metric's figure on the new release
  double baseline = 0;  // on the release before
  std::uint64_t canary_samples = 0;
  std::uint64_t baseline_samples = 0;
  std::int64_t devices = 0;         // updated, with figures on both releases
  std::int64_t comparable = 0;      // updated, and ran an earlier release
  std::int64_t first_installs = 0;  // updated, and had none before
  std::int64_t already_there = 0;   // not updated: they served the release before
  std::int64_t unreadable = 0;      // windows left out because they cannot be read
  std::string unmeasured{};         // why there are no figures at all; empty: there are
  bool about_to_be = false;         // there are none yet
};

// unknown: it could not be measured. It holds the gate as waiting does, and stops nothing else.
enum class Verdict : std::uint8_t { pass, fail, waiting, unknown };
std::string_view to_string(Verdict verdict);

struct GuardVerdict {
  GuardMetric metric{};
  double estimate = 0;  // by the metric's estimator; + means harm
  double limit = 0;
  std::uint64_t canary_samples = 0;
  std::uint64_t baseline_samples = 0;
  std::int64_t devices = 0;
  Verdict verdict = Verdict::waiting;
  std::string message{};  // for the operator: figures, limit, or what is still missing
};

// A guard with nothing to compare - every device of the rollout got its first release, or had this one before - passes
// and says so.
GuardVerdict judge(const GuardPolicy& policy, const GuardInput& input);

}  // namespace argosy::server
