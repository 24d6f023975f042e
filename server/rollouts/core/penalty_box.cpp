#include "server/rollouts/core/penalty_box.hpp"

#include <algorithm>

#include "server/rollouts/core/rollout.hpp"

namespace argosy::server {
namespace {

bool counts_as_bad_luck(std::string_view cause) {
  return !is_neutral_cause(cause) && cause != cause_incompatible;
}

bool names(const RetryPolicy& policy, std::string_view cause) {
  return std::any_of(policy.causes.begin(), policy.causes.end(),
                     [cause](const auto& one) { return one == "*" || one == cause; });
}

}  // namespace

Luck luck_of(const DeviceMove& move) {
  if (move.to.step == DeviceStep::succeeded) return Luck::succeeded;
  if (move.to.step != DeviceStep::failed || !counts_as_bad_luck(move.to.cause)) return Luck::none;
  const bool had_failed = is_known_cause(move.from_key);
  const bool was_going_back = move.from_key == to_string(DeviceStep::rolling_back);
  return had_failed || was_going_back ? Luck::none : Luck::failed;
}

Rng jitter_for(std::string_view device, std::int64_t rollout, int number) {
  return Rng(stable_hash(static_cast<std::uint64_t>(rollout), device) + static_cast<std::uint64_t>(number));
}

std::optional<Duration> rest_after(int failures, Rng& jitter) {
  if (failures < failures_before_rest) return std::nullopt;
  return full_jitter(first_rest, longest_rest, failures - failures_before_rest, jitter);
}

std::optional<Instant> next_try(const RetryPolicy& policy, std::string_view cause, int attempt, Instant failed_at,
                                Rng& jitter) {
  if (attempt >= policy.max_attempts || !is_retryable(cause) || is_neutral_cause(cause)) return std::nullopt;
  if (!names(policy, cause)) return std::nullopt;
  return failed_at + full_jitter(std::chrono::seconds(policy.backoff_s), longest_back_off, attempt - 1, jitter);
}

}  // namespace argosy::server
