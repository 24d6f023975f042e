// The words of a rollout: its states, the states and causes of a device inside it, counts of devices, and which
// operation is legal when. Pure; no clock, no I/O.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace argosy::server {

enum class RolloutState : std::uint8_t {
  draft,
  awaiting_approval,  // by another account
  scheduled,          // starts by itself when its time comes
  running,
  paused,
  completed,
  halted,
  rolling_back,
  rolled_back,
};
std::string_view to_string(RolloutState state);
Result<RolloutState> parse_rollout_state(std::string_view text);
std::span<const RolloutState> all_rollout_states();
// Draft, awaiting approval or scheduled: it has told nobody yet.
bool is_before_start(RolloutState state);
// Running or paused: waves may still open.
bool is_open(RolloutState state);
// Open, or rolling back.
bool is_active(RolloutState state);
// Active, or starts by itself: a tick may have something to do.
bool is_due_for_ticks(RolloutState state);
// Completed, halted or rolled back.
bool has_ended(RolloutState state);

// Where a device is inside a rollout. queued: not told yet; notified: told, not heard to have begun.
enum class DeviceStep : std::uint8_t {
  queued,
  notified,
  downloading,
  patching,
  verifying,
  validating,
  activating,
  probation,
  succeeded,
  failed,
  rolling_back,
  rolled_back,
};
std::string_view to_string(DeviceStep step);
Result<DeviceStep> parse_device_step(std::string_view text);
std::span<const DeviceStep> all_device_steps();
// Told, and without an outcome yet.
bool is_in_progress(DeviceStep step);
// Has begun on the device itself: the in-progress time-out runs.
bool has_begun(DeviceStep step);
// Told, or at its download: what takes the network's time.
bool is_fetching(DeviceStep step);
// Puts the release into service, or has just done so: activating or probation.
bool is_switching(DeviceStep step);
// In progress, or told to go back.
bool awaits_outcome(DeviceStep step);
// The release has served on the device, as far as its step tells: that it failed in probation its cause tells.
bool has_served(DeviceStep step);
// succeeded, failed or rolled_back.
bool is_terminal(DeviceStep step);

// Why a device failed, stable words: what agents report, and what the server adds (timeout, superseded, ...).
bool is_known_cause(std::string_view cause);
std::span<const std::string_view> all_causes();
// The device went back by itself from what served: probation_latency and its like.
bool is_probation_cause(std::string_view cause);
// Failures that say nothing about the release here and so stay out of every share: cancelled, superseded,
// decommissioned, left_out.
bool is_neutral_cause(std::string_view cause);
inline constexpr std::string_view cause_timeout = "timeout";
inline constexpr std::string_view cause_incompatible = "incompatible";
inline constexpr std::string_view cause_cancelled = "cancelled";
inline constexpr std::string_view cause_superseded = "superseded";
inline constexpr std::string_view cause_decommissioned = "decommissioned";
inline constexpr std::string_view cause_left_out = "left_out";  // it would have joined, and had failed with the release
inline constexpr std::string_view cause_already_installed = "already_installed";  // of a success
// Probation saw too few observations: of a failure, or of a success, which is counted as one and shown apart.
inline constexpr std::string_view cause_too_few = "probation_too_few";
inline constexpr std::string_view cause_other = "other";  // a device said a word that is not in the list

// State, or cause of the failed, -> devices. Kept as devices move, never counted from rows.
using Counts = std::map<std::string, std::int64_t, std::less<>>;
// Under which key a device is counted.
std::string count_key(DeviceStep step, std::string_view cause);
std::int64_t count_of(const Counts& counts, std::string_view key);
std::int64_t succeeded(const Counts& counts);
// Failures that count: every cause but the neutral ones.
std::int64_t failed(const Counts& counts);
// The denominator of every share: devices with an outcome that says something about the release.
std::int64_t executed(const Counts& counts);
std::int64_t neutral(const Counts& counts);
std::int64_t in_progress(const Counts& counts);
Counts sum(const Counts& a, const Counts& b);

// What an operator may ask for.
enum class Operation : std::uint8_t {
  start,
  approve,
  refuse,
  cancel,
  pause,
  resume,
  promote,
  halt,
  rollback,
  retry,
  assign,    // it stands: devices that come later get its release
  unassign,  // they do not any more
};
std::string_view to_string(Operation operation);
Result<Operation> parse_operation(std::string_view text);
std::span<const Operation> all_operations();

// How texts for people call the wave of this index: the first one is "wave 1".
std::string wave_name(int wave);

struct Situation {
  RolloutState state = RolloutState::draft;
  int wave = 0;       // the open one
  int last_wave = 0;  // the last that holds devices
  std::int64_t planned = 0;
  Counts counts;             // over all waves
  std::string fault{};       // why it cannot go on, whoever asks; it can be stopped
  std::string withdrawn{};   // that its release was, and why: it can only be stopped
  bool is_planning = false;  // its counts are not known yet
  bool standing = false;     // it stands, or will once it has completed
};
// Why `operation` is refused now, as a sentence for the operator; nothing when it is legal.
std::optional<std::string> refusal(Operation operation, const Situation& situation);
// Failed devices that `retry` would try again; every cause but superseded and decommissioned when `cause` is empty.
std::int64_t retryable(const Counts& counts, std::string_view cause);
bool is_retryable(std::string_view cause);

}  // namespace argosy::server
