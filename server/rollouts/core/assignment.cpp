#include "server/rollouts/core/assignment.hpp"

#include <set>

namespace argosy::server {
namespace {

std::string rollout_of(const DeviceAssignment& one) {
  return "rollout " + std::to_string(one.rollout) + " \"" + one.rollout_name + "\"";
}

std::string why_told(const DeviceAssignment& one) {
  if (one.told_version != one.version) return rollout_of(one) + " was stopped, and told it to go back";
  if (!one.joined_at) return rollout_of(one) + " told it";
  return rollout_of(one) + " told it: it joined on " + to_rfc3339(*one.joined_at) +
         ", when it came to match a filter that " + (one.stands ? "stands" : "stood then");
}

std::string why_queued(const DeviceAssignment& one) {
  if (one.resting_until) {
    return "it rests until " + to_rfc3339(*one.resting_until) + ", for it failed again and again; then " +
           rollout_of(one) + " tells it";
  }
  return rollout_of(one) + " tells it at its turn";
}

}  // namespace

std::vector<DeviceAssignment> that_matter(const std::vector<DeviceAssignment>& newest_first) {
  std::vector<DeviceAssignment> kept;
  std::set<std::string> models;
  for (const auto& one : newest_first) {
    const bool is_newest = models.insert(one.model).second;
    if (is_newest || one.told_version) kept.push_back(one);
  }
  return kept;
}

std::string why(const DeviceAssignment& one) {
  if (one.told_version) return why_told(one);
  if (!one.step) return rollout_of(one) + " had it";
  if (*one.step == DeviceStep::queued) return why_queued(one);
  if (one.cause == cause_left_out) return rollout_of(one) + " leaves it out: " + one.message;
  const auto outcome = one.cause.empty() ? std::string(to_string(*one.step)) : one.cause;
  return rollout_of(one) + ": " + outcome + (one.message.empty() ? "" : ", " + one.message);
}

}  // namespace argosy::server
