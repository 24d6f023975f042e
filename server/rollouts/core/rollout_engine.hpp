// The decisions of a rollout: a snapshot in, the next actions out. Pure, stateless and idempotent: the same snapshot
// gives the same actions, and each action, applied, removes its own reason. The shell applies all actions of one call
// in one transaction and keeps every Decision for the operator.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/instant.hpp"
#include "server/rollouts/core/policy.hpp"
#include "server/rollouts/core/rollout.hpp"
#include "server/rollouts/guards/guard.hpp"

namespace argosy::server {

struct WaveView {
  std::int64_t planned = 0;
  Counts counts{};
  std::optional<Instant> opened_at{};
  std::optional<Instant> bake_started_at{};
  // What the counts cannot tell, because it depends on who is reachable now:
  std::int64_t queued_reachable = 0;
  std::int64_t running_reachable = 0;   // in progress and reachable: the gate waits for them
  std::int64_t fetching_reachable = 0;  // of these, told or downloading
  std::int64_t suspects = 0;            // fell silent in activating or probation: the gate waits for their time-out
  std::int64_t too_few = 0;             // of those that succeeded: probation saw too few observations
  std::int64_t tries_ahead = 0;         // failed, and try again by themselves: the gate waits for them
};

// Devices of one time zone, in a rollout with maintenance windows.
struct ZoneView {
  std::string zone;
  std::optional<WallTime> wall{};  // none: there is no such zone
  std::int64_t queued = 0;         // reachable devices of the opened waves that are queued: counted up to a thousand
  std::optional<Instant> oldest_clock{};  // as in the snapshot, of these devices alone
};

// What an operator saw and accepted by resuming or promoting: it does not stop the rollout a second time.
struct Acknowledged {
  std::vector<std::int64_t> failures;  // by abort criterion, over all waves
  std::vector<GuardedMetric> guards;   // failing then
};

struct Snapshot {
  RolloutState state = RolloutState::draft;
  Policy policy;
  int wave = 0;                      // the open one
  std::vector<WaveView> waves;       // all that the policy names, empty ones too
  std::vector<GuardVerdict> guards;  // one for each of the policy, in its order
  // Of the devices without an outcome, the earliest start of the time-out's clock: when the device began, or, for one
  // that is reachable and does not begin, when it was told or came back, whichever is later.
  std::optional<Instant> oldest_clock;
  // With maintenance windows: each time zone that devices are in. A WaveView's queued_reachable is of those zones alone
  // whose window is open, and the clocks are here instead of in `oldest_clock`.
  std::vector<ZoneView> zones{};
  std::int64_t rolling_back_reachable = 0;      // told to go back, reachable, not back yet
  std::optional<Instant> pace_spent_until{};    // of the allowance to tell devices: pace.hpp
  std::optional<Instant> start_at{};            // of a scheduled rollout
  std::optional<Instant> looked_for_more_at{};  // with dynamic targets: when devices could last join
  Acknowledged acknowledged;
  // Why the rollout cannot go on, though it can be stopped: what is stored of it cannot be read. Empty: it can.
  std::string fault;
  std::string withdrawn{};     // that the release was, and why: nobody is told of it any more. Empty: it was not
  std::string planning{};      // how far the plan of its devices is: nothing is decided before; empty: they are planned
  std::int64_t tries_due = 0;  // of those that try again by themselves, whose time has come
  bool promote_all = false;    // an operator opens the waves that are left without their bakes
  bool overrides_guards = false;      // and without waiting for required guards
  bool stopping = false;              // devices are still to be told of the last stop: nothing else is decided before
  bool standing = false;              // asked for: it stands once it has completed
  bool stands = false;                // devices that come now get its release
  Counts newcomers{};                 // while it stands, what the last of these came to: newcomers.hpp
  bool has_untold_newcomers = false;  // that joined while it stood, which it does no more
};

struct Decision {
  std::string rule;      // "schedule", "approval", "gate", "abort", "guard", "rollback"
  std::string decision;  // "open wave 1", "pause", "halt", "roll back", "complete", "rolled back"
  std::string message;   // one sentence with the figures
  nlohmann::json inputs;
  friend bool operator==(const Decision&, const Decision&) = default;
};

struct Start {  // a scheduled rollout, whose time has come: with a new plan, for the fleet has changed since
  std::string why;
  friend bool operator==(const Start&, const Start&) = default;
};
struct Join {  // devices that match the filter and are not in the rollout yet, up to a thousand, into this wave
  int wave = 0;
  friend bool operator==(const Join&, const Join&) = default;
};
struct Notify {  // tell up to `devices` queued and reachable devices of waves 0..wave
  int wave = 0;
  std::int64_t devices = 0;
  std::optional<std::vector<std::string>> zones{};  // in one of these time zones alone
  std::optional<PaceNow> pace{};                    // those that are told use it up
  friend bool operator==(const Notify&, const Notify&) = default;
};
struct TimeOut {  // devices without an outcome whose clock started at or before this fail with cause timeout
  Instant started_by{};
  std::optional<std::string> zone{};  // of this time zone alone
  friend bool operator==(const TimeOut&, const TimeOut&) = default;
};
struct StartBake {
  int wave = 0;
  friend bool operator==(const StartBake&, const StartBake&) = default;
};
struct OpenWave {
  int wave = 0;
  Decision decision;
  friend bool operator==(const OpenWave&, const OpenWave&) = default;
};
struct ChangeState {
  RolloutState to = RolloutState::paused;
  Decision decision;
  friend bool operator==(const ChangeState&, const ChangeState&) = default;
};
inline constexpr std::int64_t most_tries_at_once = 1000;
struct TryAgain {  // failed devices whose time has come, up to that many
  Decision decision;
  friend bool operator==(const TryAgain&, const TryAgain&) = default;
};
struct StandDown {  // no further device gets the release by itself
  Decision decision;
  friend bool operator==(const StandDown&, const StandDown&) = default;
};
struct Dismiss {  // newcomers that were not told yet, up to a thousand: it stands no more
  friend bool operator==(const Dismiss&, const Dismiss&) = default;
};
using Action =
    std::variant<Start, Join, Notify, TimeOut, StartBake, OpenWave, ChangeState, TryAgain, StandDown, Dismiss>;

std::vector<Action> next_actions(const Snapshot& snapshot, Instant now);

// Why the open wave's gate does not open yet, for the operator; empty when the rollout is not running or it does open.
std::string gate_status(const Snapshot& snapshot, Instant now);

// The zones whose maintenance window is open; nothing when the policy has none.
std::optional<std::vector<std::string>> open_zones(const Policy& policy, const std::vector<ZoneView>& zones);

Counts total_counts(const Snapshot& snapshot);
// Of the counted devices, those that failed with one of the criterion's causes.
std::int64_t failures_of(const AbortCriterion& criterion, const Counts& counts);
// What pace.hpp asks about; nothing when the policy names no rate.
std::optional<PaceNow> pace_now(const Snapshot& snapshot, Instant now);
// Metrics of required guards that neither pass nor fail yet: `promote all` does not skip them by itself.
std::vector<std::string> waiting_required_guards(const Snapshot& snapshot);
// The last wave that holds devices.
int last_wave(const Snapshot& snapshot);
// The next wave after `wave` that holds devices; nothing after the last.
std::optional<int> next_wave(const Snapshot& snapshot, int wave);
// What there is to acknowledge now.
Acknowledged acknowledge(const Snapshot& snapshot);

}  // namespace argosy::server
