// What an action, a report or a stop makes of the devices of a rollout: their rows in, moves and targets out. Pure. Who
// keeps the rows - the stores in SQL, the simulator in memory - picks them, and saves what comes out; what becomes of a
// device is decided here alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/instant.hpp"
#include "server/rollouts/core/policy.hpp"
#include "server/rollouts/core/report_mapping.hpp"
#include "server/rollouts/core/rollout.hpp"

namespace argosy::server {

// A device's row in a rollout.
struct RolloutDevice {
  std::string device;
  int wave = 0;
  int attempt = 1;
  std::optional<std::int64_t> previous_release{};  // what it ran when it was told
  Progress is{};
};

// A device's row, as it is about to become.
struct DeviceMove {
  std::string device;
  int wave = 0;
  std::string from_key;  // count_key before
  Progress to{};
  std::optional<Instant> notified_at{};  // kept when there is none
  std::optional<Instant> started_at{};   // the row's is kept when it has one
  std::optional<Instant> finished_at{};  // none: no outcome
  std::optional<Instant> clock_from{};   // of the time-out, where it is not the start; kept when there is none
  std::optional<std::int64_t> previous_release{};  // kept when there is none
};

struct TargetChange {
  std::string device;
  std::optional<std::int64_t> release;  // nothing: the device is told no release of this model any more
  std::optional<std::int64_t> rollout;
  int attempt = 1;
};

struct Effects {
  std::vector<DeviceMove> moves;
  std::vector<TargetChange> targets;
};

// What a rollout tells its devices.
struct RolloutWish {
  std::int64_t rollout = 0;
  std::int64_t release = 0;
  std::string version{};
};

// A queued device whose turn it is.
struct HeardOut {
  RolloutDevice row;
  std::optional<std::int64_t> serving_release{};  // what it runs now, when that is another release known here
  bool newer_wish = false;                        // a rollout that was started later has told it something
  std::string refusal{};                          // why no variant suits it; empty: one does
  bool already_installed = false;                 // it serves exactly this, proven
  std::uint64_t full_bytes = 0;                   // of the variant that suits it
};
// Told, or out of the rollout without being told. Those that are told have a target in the answer.
Effects effects_of_telling(const std::vector<HeardOut>& queued, const RolloutWish& wish, Instant now);
// Of those that were told, how many have something to fetch: they use up the pace.
std::int64_t told_to_fetch(const Effects& telling);
// Devices of a rollout that was started earlier than `by`, which tells them now, and that have no outcome.
Effects effects_of_superseding(const std::vector<RolloutDevice>& rows, std::int64_t by, Instant now);

DeviceMove effect_of_report(const RolloutDevice& row, Progress next, Instant now);
// Devices whose clock has run out.
Effects effects_of_time_out(const std::vector<RolloutDevice>& rows, const Policy& policy, Instant now);
// Devices without an outcome that were revoked.
Effects effects_of_revocation(const std::vector<RolloutDevice>& rows, Instant now);
// Failed devices; those that may not be tried again stay.
Effects effects_of_retry(const std::vector<RolloutDevice>& rows);
// Newcomers whose row says nothing of them any more: newcomers.hpp.
Effects effects_of_return(const std::vector<RolloutDevice>& rows);
// Newcomers that were not told before the rollout ceased to stand.
Effects effects_of_dismissal(const std::vector<RolloutDevice>& rows, Instant now);

// Devices that were told and whose target is still the rollout's wish. `to` halted: those not yet past activating are
// told their previous release again. Rolling back: those that run the release, or work on it, are told what each had
// before; one that had this release before, or none, keeps what it has.
Effects effects_of_stop(const std::vector<RolloutDevice>& rows, RolloutState to, std::int64_t rollout, Instant now);

}  // namespace argosy::server
