#include "server/rollouts/core/rollout.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/text.hpp"

namespace argosy::server {
namespace {

using namespace std::string_view_literals;

constexpr std::array rollout_states{
    std::pair{RolloutState::draft, "draft"sv},
    std::pair{RolloutState::awaiting_approval, "awaiting_approval"sv},
    std::pair{RolloutState::scheduled, "scheduled"sv},
    std::pair{RolloutState::running, "running"sv},
    std::pair{RolloutState::paused, "paused"sv},
    std::pair{RolloutState::completed, "completed"sv},
    std::pair{RolloutState::halted, "halted"sv},
    std::pair{RolloutState::rolling_back, "rolling_back"sv},
    std::pair{RolloutState::rolled_back, "rolled_back"sv},
};

constexpr std::array device_steps{
    std::pair{DeviceStep::queued, "queued"sv},
    std::pair{DeviceStep::notified, "notified"sv},
    std::pair{DeviceStep::downloading, "downloading"sv},
    std::pair{DeviceStep::patching, "patching"sv},
    std::pair{DeviceStep::verifying, "verifying"sv},
    std::pair{DeviceStep::validating, "validating"sv},
    std::pair{DeviceStep::activating, "activating"sv},
    std::pair{DeviceStep::probation, "probation"sv},
    std::pair{DeviceStep::succeeded, "succeeded"sv},
    std::pair{DeviceStep::failed, "failed"sv},
    std::pair{DeviceStep::rolling_back, "rolling_back"sv},
    std::pair{DeviceStep::rolled_back, "rolled_back"sv},
};

constexpr std::array operations{
    std::pair{Operation::start, "start"sv},       std::pair{Operation::approve, "approve"sv},
    std::pair{Operation::refuse, "refuse"sv},     std::pair{Operation::cancel, "cancel"sv},
    std::pair{Operation::pause, "pause"sv},       std::pair{Operation::resume, "resume"sv},
    std::pair{Operation::promote, "promote"sv},   std::pair{Operation::halt, "halt"sv},
    std::pair{Operation::rollback, "rollback"sv}, std::pair{Operation::retry, "retry"sv},
    std::pair{Operation::assign, "assign"sv},     std::pair{Operation::unassign, "unassign"sv},
};

constexpr std::array known_causes{
    "download"sv,
    "verify"sv,
    "base_mismatch"sv,
    "malformed_patch"sv,
    "no_space"sv,
    "validate_rejected"sv,
    "validate_crashed"sv,
    "validate_timeout"sv,
    "malformed_model"sv,
    "shadow_too_few"sv,
    "activate"sv,
    "probation_latency"sv,
    "probation_errors"sv,
    "probation_crash"sv,
    cause_too_few,
    "attempts_exhausted"sv,
    cause_incompatible,
    "signature_missing"sv,
    "signature_malformed"sv,
    "signature_key"sv,
    "signature_invalid"sv,
    "signature_digest"sv,
    "signature_release"sv,
    "signature_sequence"sv,
    "signature_expired"sv,
    "signature_selector"sv,
    "signature_validation"sv,
    cause_timeout,
    cause_cancelled,
    cause_superseded,
    cause_decommissioned,
    cause_left_out,
    cause_other,
};

template <class Table, class Value>
std::string_view name_in(const Table& table, Value value) {
  for (const auto& [candidate, name] : table) {
    if (candidate == value) return name;
  }
  return "unknown";
}

template <class Value, class Table>
Result<Value> value_in(const Table& table, std::string_view text, std::string_view what) {
  for (const auto& [value, name] : table) {
    if (name == text) return value;
  }
  return make_error(Errc::invalid_argument, "\"" + shortened(text) + "\" is not a " + std::string(what));
}

template <class Value, std::size_t size>
constexpr std::array<Value, size> values_of(const std::array<std::pair<Value, std::string_view>, size>& table) {
  std::array<Value, size> values{};
  for (std::size_t i = 0; i < size; ++i) values[i] = table[i].first;
  return values;
}

bool is_step_name(std::string_view key) {
  return std::any_of(device_steps.begin(), device_steps.end(), [key](const auto& row) { return row.second == key; });
}

// The sentence that every refusal by state shares.
std::string is_now(RolloutState state) {
  return "the rollout is " + std::string(to_string(state));
}

std::optional<std::string> refuse_start(const Situation& now) {
  if (now.state != RolloutState::draft) return is_now(now.state) + ": only a draft can be started";
  if (now.planned == 0 && !now.is_planning) return "no device matches the filter";
  return std::nullopt;
}

std::optional<std::string> refuse_approval(const Situation& now) {
  if (now.state != RolloutState::awaiting_approval) return is_now(now.state) + ": it waits for no approval";
  return std::nullopt;
}

std::optional<std::string> refuse_cancel(const Situation& now) {
  if (now.state == RolloutState::awaiting_approval || now.state == RolloutState::scheduled) return std::nullopt;
  if (now.state == RolloutState::draft) return "the rollout is a draft: there is nothing to take back";
  return is_now(now.state) + ": it has started; halt or roll it back";
}

std::optional<std::string> refuse_promote(const Situation& now) {
  if (!is_open(now.state)) {
    return is_now(now.state) + ": only a running or paused rollout has a next wave";
  }
  if (now.is_planning) return "its devices are being planned: it is not known yet what its next wave is";
  if (now.wave >= now.last_wave) return wave_name(now.wave) + " is the last one";
  return std::nullopt;
}

std::optional<std::string> refuse_halt(const Situation& now) {
  if (is_open(now.state) || refuse_cancel(now) == std::nullopt) return std::nullopt;
  if (now.state != RolloutState::completed) return is_now(now.state) + ": there is nothing to halt";
  const bool stragglers = count_of(now.counts, "queued") > 0 || in_progress(now.counts) > 0;
  if (!stragglers && !now.standing) return "the rollout is completed and nobody is left to notify";
  return std::nullopt;
}

std::optional<std::string> refuse_rollback(const Situation& now) {
  switch (now.state) {
    case RolloutState::draft:
    case RolloutState::awaiting_approval:
    case RolloutState::scheduled:
      return "the rollout has not been started: there is nothing to go back from";
    case RolloutState::rolling_back:
      return "the rollout is already rolling back";
    case RolloutState::rolled_back:
      return "the rollout has been rolled back";
    default:
      return std::nullopt;
  }
}

std::optional<std::string> refuse_retry(const Situation& now) {
  if (!is_open(now.state) && now.state != RolloutState::completed)
    return is_now(now.state) + ": it tries no device again";
  if (retryable(now.counts, "") == 0) return "no device has failed";
  return std::nullopt;
}

// Before its completion it can be asked for, and takes effect then.
std::optional<std::string> refuse_assign(const Situation& now) {
  const bool may_stand = is_before_start(now.state) || is_open(now.state) || now.state == RolloutState::completed;
  if (!may_stand) return is_now(now.state) + ": only what completes can stand; create a new rollout";
  if (now.standing) return "the rollout stands already, or will once it has completed";
  return std::nullopt;
}

std::optional<std::string> refuse_unassign(const Situation& now) {
  if (!now.standing) return "the rollout does not stand";
  return std::nullopt;
}

}  // namespace

std::string wave_name(int wave) {
  return "wave " + std::to_string(wave + 1);
}

std::string_view to_string(RolloutState state) {
  return name_in(rollout_states, state);
}
std::string_view to_string(DeviceStep step) {
  return name_in(device_steps, step);
}
std::string_view to_string(Operation operation) {
  return name_in(operations, operation);
}

Result<RolloutState> parse_rollout_state(std::string_view text) {
  return value_in<RolloutState>(rollout_states, text, "rollout state");
}
Result<DeviceStep> parse_device_step(std::string_view text) {
  return value_in<DeviceStep>(device_steps, text, "device state");
}
Result<Operation> parse_operation(std::string_view text) {
  return value_in<Operation>(operations, text, "operation");
}

std::span<const RolloutState> all_rollout_states() {
  static constexpr auto states = values_of(rollout_states);
  return states;
}
std::span<const DeviceStep> all_device_steps() {
  static constexpr auto steps = values_of(device_steps);
  return steps;
}
std::span<const std::string_view> all_causes() {
  return known_causes;
}

std::span<const Operation> all_operations() {
  static constexpr auto all = values_of(operations);
  return all;
}

bool is_before_start(RolloutState state) {
  return state == RolloutState::draft || state == RolloutState::awaiting_approval || state == RolloutState::scheduled;
}
bool is_open(RolloutState state) {
  return state == RolloutState::running || state == RolloutState::paused;
}
bool is_active(RolloutState state) {
  return is_open(state) || state == RolloutState::rolling_back;
}
bool is_due_for_ticks(RolloutState state) {
  return is_active(state) || state == RolloutState::scheduled;
}
bool has_ended(RolloutState state) {
  return state == RolloutState::completed || state == RolloutState::halted || state == RolloutState::rolled_back;
}

bool is_in_progress(DeviceStep step) {
  return step == DeviceStep::notified || has_begun(step);
}
bool has_begun(DeviceStep step) {
  return step >= DeviceStep::downloading && step <= DeviceStep::probation;
}
bool is_fetching(DeviceStep step) {
  return step == DeviceStep::notified || step == DeviceStep::downloading;
}
bool is_switching(DeviceStep step) {
  return step == DeviceStep::activating || step == DeviceStep::probation;
}
bool awaits_outcome(DeviceStep step) {
  return is_in_progress(step) || step == DeviceStep::rolling_back;
}
bool has_served(DeviceStep step) {
  return step == DeviceStep::probation || step == DeviceStep::succeeded || step == DeviceStep::rolling_back ||
         step == DeviceStep::rolled_back;
}
bool is_terminal(DeviceStep step) {
  return step == DeviceStep::succeeded || step == DeviceStep::failed || step == DeviceStep::rolled_back;
}

bool is_known_cause(std::string_view cause) {
  return std::find(known_causes.begin(), known_causes.end(), cause) != known_causes.end();
}
bool is_probation_cause(std::string_view cause) {
  return cause.starts_with("probation_");
}
bool is_neutral_cause(std::string_view cause) {
  return cause == cause_cancelled || cause == cause_superseded || cause == cause_decommissioned ||
         cause == cause_left_out;
}
bool is_retryable(std::string_view cause) {
  return cause != cause_superseded && cause != cause_decommissioned;
}

std::string count_key(DeviceStep step, std::string_view cause) {
  if (step == DeviceStep::failed) return std::string(is_known_cause(cause) ? cause : cause_other);
  return std::string(to_string(step));
}

std::int64_t count_of(const Counts& counts, std::string_view key) {
  const auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

std::int64_t succeeded(const Counts& counts) {
  return count_of(counts, "succeeded");
}

std::int64_t failed(const Counts& counts) {
  std::int64_t total = 0;
  for (const auto& [key, devices] : counts) {
    if (!is_step_name(key) && !is_neutral_cause(key)) total += devices;
  }
  return total;
}

std::int64_t executed(const Counts& counts) {
  return succeeded(counts) + failed(counts);
}

std::int64_t neutral(const Counts& counts) {
  return count_of(counts, cause_cancelled) + count_of(counts, cause_superseded) +
         count_of(counts, cause_decommissioned) + count_of(counts, cause_left_out);
}

std::int64_t in_progress(const Counts& counts) {
  std::int64_t total = 0;
  for (const auto& [step, name] : device_steps) {
    if (is_in_progress(step)) total += count_of(counts, name);
  }
  return total;
}

Counts sum(const Counts& a, const Counts& b) {
  Counts total = a;
  for (const auto& [key, devices] : b) total[key] += devices;
  return total;
}

std::int64_t retryable(const Counts& counts, std::string_view cause) {
  if (!cause.empty()) return is_retryable(cause) && !is_step_name(cause) ? count_of(counts, cause) : 0;
  return failed(counts) + count_of(counts, cause_cancelled) + count_of(counts, cause_left_out);
}

std::optional<std::string> refusal(Operation operation, const Situation& now) {
  const bool stops = operation == Operation::pause || operation == Operation::halt ||
                     operation == Operation::rollback || operation == Operation::refuse ||
                     operation == Operation::cancel || operation == Operation::unassign;
  if (!now.fault.empty() && !stops) return "it can only be stopped: " + now.fault;
  if (!now.withdrawn.empty() && !stops) return now.withdrawn + "; a rollout of it can only be stopped";
  switch (operation) {
    case Operation::start:
      return refuse_start(now);
    case Operation::approve:
      if (now.planned == 0 && !now.is_planning && !refuse_approval(now)) return "no device matches the filter";
      return refuse_approval(now);
    case Operation::refuse:
      return refuse_approval(now);
    case Operation::cancel:
      return refuse_cancel(now);
    case Operation::pause:
      if (now.state == RolloutState::running) return std::nullopt;
      return is_now(now.state) + ": only a running rollout can be paused";
    case Operation::resume:
      if (now.state == RolloutState::paused) return std::nullopt;
      if (now.state == RolloutState::halted) return "a halted rollout stays halted: create a new one";
      return is_now(now.state) + ": only a paused rollout can be resumed";
    case Operation::promote:
      return refuse_promote(now);
    case Operation::halt:
      return refuse_halt(now);
    case Operation::rollback:
      return refuse_rollback(now);
    case Operation::retry:
      return refuse_retry(now);
    case Operation::assign:
      return refuse_assign(now);
    case Operation::unassign:
      return refuse_unassign(now);
  }
  return "unknown operation";
}

}  // namespace argosy::server
