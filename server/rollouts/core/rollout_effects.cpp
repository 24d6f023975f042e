#include "server/rollouts/core/rollout_effects.hpp"

#include <algorithm>
#include <utility>

namespace argosy::server {
namespace {

DeviceMove move_of(const RolloutDevice& row, Progress to) {
  return {
      .device = row.device, .wave = row.wave, .from_key = count_key(row.is.step, row.is.cause), .to = std::move(to)};
}

// What is known of its download stays.
DeviceMove failed_move(const RolloutDevice& row, std::string_view cause, std::string message, Instant now) {
  Progress to = row.is;
  to.step = DeviceStep::failed;
  to.cause = cause;
  to.message = std::move(message);
  DeviceMove move = move_of(row, std::move(to));
  move.finished_at = now;
  return move;
}

DeviceMove leave_queue(const HeardOut& heard, Progress to, Instant now) {
  DeviceMove move = move_of(heard.row, std::move(to));
  move.notified_at = now;
  if (is_terminal(move.to.step)) move.finished_at = now;
  move.previous_release = heard.serving_release;
  return move;
}

Progress failure(std::string_view cause, std::string message) {
  return {.step = DeviceStep::failed, .cause = std::string(cause), .message = std::move(message)};
}

Progress progress_of_told(const HeardOut& heard, const std::string& version) {
  if (!heard.already_installed) return {.step = DeviceStep::notified, .full_bytes = heard.full_bytes};
  return {.step = DeviceStep::succeeded,
          .cause = std::string(cause_already_installed),
          .message = "it serves " + version + " already"};
}

bool is_before_activating(DeviceStep step) {
  return is_in_progress(step) && !is_switching(step);
}

// Whether the device runs the release because of this rollout, or may do so.
bool may_run_it(const Progress& is) {
  if (is.step == DeviceStep::succeeded) return is.cause != cause_already_installed;
  return is_in_progress(is.step) || (is.step == DeviceStep::failed && is.cause == cause_timeout);
}

DeviceMove send_back(const RolloutDevice& row) {
  Progress to = row.is;
  to.step = DeviceStep::rolling_back;
  to.cause.clear();
  return move_of(row, std::move(to));
}

}  // namespace

Effects effects_of_telling(const std::vector<HeardOut>& queued, const RolloutWish& wish, Instant now) {
  Effects effects;
  for (const auto& heard : queued) {
    if (heard.newer_wish) {
      effects.moves.push_back(
          leave_queue(heard, failure(cause_superseded, "a rollout that was started later has told it"), now));
    } else if (!heard.refusal.empty()) {
      effects.moves.push_back(leave_queue(heard, failure(cause_incompatible, heard.refusal), now));
    } else {
      effects.moves.push_back(leave_queue(heard, progress_of_told(heard, wish.version), now));
      effects.targets.push_back({heard.row.device, wish.release, wish.rollout, heard.row.attempt});
    }
  }
  return effects;
}

std::int64_t told_to_fetch(const Effects& telling) {
  return std::count_if(telling.moves.begin(), telling.moves.end(),
                       [](const auto& move) { return move.to.step == DeviceStep::notified; });
}

Effects effects_of_superseding(const std::vector<RolloutDevice>& rows, std::int64_t by, Instant now) {
  Effects effects;
  const auto message = "rollout " + std::to_string(by) + " took over";
  for (const auto& row : rows) effects.moves.push_back(failed_move(row, cause_superseded, message, now));
  return effects;
}

DeviceMove effect_of_report(const RolloutDevice& row, Progress next, Instant now) {
  DeviceMove move = move_of(row, std::move(next));
  move.started_at = now;
  if (row.is.held != move.to.held) move.clock_from = now;  // what it waits does not count
  if (is_terminal(move.to.step)) move.finished_at = now;
  return move;
}

Effects effects_of_time_out(const std::vector<RolloutDevice>& rows, const Policy& policy, Instant now) {
  Effects effects;
  const auto silence = "no outcome after " + std::to_string(policy.in_progress_timeout_s) + " s; last seen ";
  for (const auto& row : rows)
    effects.moves.push_back(failed_move(row, cause_timeout, silence + std::string(to_string(row.is.step)), now));
  return effects;
}

Effects effects_of_revocation(const std::vector<RolloutDevice>& rows, Instant now) {
  Effects effects;
  for (const auto& row : rows)
    effects.moves.push_back(failed_move(row, cause_decommissioned, "the device was revoked", now));
  return effects;
}

Effects effects_of_retry(const std::vector<RolloutDevice>& rows) {
  Effects effects;
  for (const auto& row : rows)
    if (is_retryable(row.is.cause)) effects.moves.push_back(move_of(row, {.step = DeviceStep::queued}));
  return effects;
}

Effects effects_of_return(const std::vector<RolloutDevice>& rows) {
  Effects effects;
  for (const auto& row : rows) effects.moves.push_back(move_of(row, {.step = DeviceStep::queued}));
  return effects;
}

Effects effects_of_dismissal(const std::vector<RolloutDevice>& rows, Instant now) {
  Effects effects;
  for (const auto& row : rows)
    effects.moves.push_back(failed_move(row, cause_cancelled, "the rollout stands no longer", now));
  return effects;
}

Effects effects_of_stop(const std::vector<RolloutDevice>& rows, RolloutState to, std::int64_t rollout, Instant now) {
  const bool goes_back = to == RolloutState::rolling_back;
  Effects effects;
  for (const auto& row : rows) {
    if (goes_back && may_run_it(row.is) && row.previous_release) {
      effects.moves.push_back(send_back(row));
    } else if (is_before_activating(row.is.step)) {
      const char* why =
          goes_back ? "the rollout was rolled back before the first installation" : "the rollout was halted";
      effects.moves.push_back(failed_move(row, cause_cancelled, why, now));
    } else if (!goes_back || row.is.step != DeviceStep::failed) {
      continue;
    }
    effects.targets.push_back({row.device, row.previous_release, rollout, row.attempt});
  }
  return effects;
}

}  // namespace argosy::server
