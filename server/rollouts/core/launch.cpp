#include "server/rollouts/core/launch.hpp"

#include <chrono>

#include "common/json/json_reader.hpp"

namespace argosy::server {
namespace {

constexpr std::chrono::hours longest_wait{366 * 24};

}  // namespace

void read_approval(JsonReader& in, ApprovalPolicy& approval) {
  in.optional("required", approval.required);
}

RolloutState state_after_start(bool needs_approval, std::optional<Instant> start_at, Instant now) {
  return needs_approval ? RolloutState::awaiting_approval : state_after_approval(start_at, now);
}

RolloutState state_after_approval(std::optional<Instant> start_at, Instant now) {
  return start_at && *start_at > now ? RolloutState::scheduled : RolloutState::running;
}

Result<void> check_start_at(Instant start_at, Instant now) {
  if (start_at <= now) {
    return field_error(
        "start_at", to_rfc3339(start_at) + " has passed: it is " + to_rfc3339(now) + "; leave it out to start at once");
  }
  if (start_at > now + longest_wait) {
    return field_error("start_at", to_rfc3339(start_at) + " is more than 366 days ahead");
  }
  return {};
}

std::optional<std::string> approver_refusal(const Account& maker, const Account& by) {
  const bool are_known = !maker.person.empty() && !by.person.empty();
  const bool is_the_same = are_known ? maker.person == by.person : maker.actor == by.actor;
  if (!is_the_same) return std::nullopt;
  std::string who = by.actor;
  if (maker.actor != by.actor) who += ", which belongs to the account behind " + maker.actor + ",";
  return who + " made this rollout: another account has to approve or refuse it; cancel takes it back";
}

std::string lateness(Instant start_at, std::int64_t grace_s, Instant now) {
  const auto late = std::chrono::duration_cast<std::chrono::seconds>(now - start_at);
  return late.count() > grace_s ? ", " + std::to_string(late.count()) + " s late," : "";
}

}  // namespace argosy::server
