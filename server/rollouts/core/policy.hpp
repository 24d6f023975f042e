// How a rollout proceeds: waves, gate, abort criteria, guards, probation and pace, as the operator wrote them. Pure
// data with the defaults of docs/rollouts.md; decoding is strict: an unknown key or a value out of bounds is an error
// that names the key, the value and the bounds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "common/wire/desired.hpp"
#include "server/rollouts/core/launch.hpp"
#include "server/rollouts/core/maintenance_window.hpp"
#include "server/rollouts/core/pace.hpp"
#include "server/rollouts/core/wave_policy.hpp"
#include "server/rollouts/guards/guard_metrics.hpp"

namespace argosy::server {

// Whom a rollout is for: the devices that match its filter at its start, or those that come to match it later as well.
enum class Targets : std::uint8_t { frozen, dynamic };
std::string_view to_string(Targets targets);

// as_written: the first wave is what `waves` says. widen: it is as large as its guards need to come to a verdict.
enum class Canary : std::uint8_t { as_written, widen };
std::string_view to_string(Canary canary);

enum class Reaction : std::uint8_t { pause, halt, rollback };
std::string_view to_string(Reaction reaction);

struct GatePolicy {
  std::int64_t min_executed = 1;     // devices with an outcome; fewer when the wave holds fewer
  double success_share = 0.9;        // succeeded / executed
  std::int64_t bake_s = 60;          // after the wave's reachable devices all have an outcome
  std::int64_t max_dwell_s = 86400;  // after the bake: a guard still waiting by then pauses the rollout
  bool manual = false;               // an operator promotes
  friend bool operator==(const GatePolicy&, const GatePolicy&) = default;
};

struct AbortCriterion {
  std::vector<std::string> causes;  // "*": every failure that counts
  std::int64_t min_executed = 1;
  double share = 1;  // fires when failed of these causes / executed reaches it, in a wave or over all
  Reaction action = Reaction::pause;
  friend bool operator==(const AbortCriterion&, const AbortCriterion&) = default;
};

// Failed devices that try again without an operator.
struct RetryPolicy {
  std::vector<std::string> causes;  // "*": every failure that counts; empty: none tries again by itself
  std::int64_t max_attempts = 3;    // of one device in this rollout, the first counted
  std::int64_t backoff_s = 300;     // within which it tries again after the first, doubling up to a day
  friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};

// automatic: it decides where it can be measured and the canary can reach a verdict, and is said to be left out where
// not. required: no wave opens without its pass. advisory: shown and logged, and decides nothing.
enum class GuardMode : std::uint8_t { automatic, required, advisory };
std::string_view to_string(GuardMode mode);
std::optional<GuardMode> guard_mode_named(std::string_view name);

// What stands in the metric's row of the table is the rest of it: source, scale, direction, names.
struct GuardPolicy {
  GuardedMetric metric{};
  GuardMode mode = GuardMode::automatic;
  // Factors over 1 of a ratio, else differences; harm in the metric's own direction.
  double rollback_margin = spec_of(metric).rollback.standard;    // surely over it: fails
  double promotion_margin = spec_of(metric).promotion.standard;  // surely under it: passes; not under rollback_margin
  double floor = spec_of(metric).floor.standard;                 // in the metric's unit: a smaller change is no harm
  double weight = spec_of(metric).weight;                   // of the rollout's alpha, beside the other guards' weights
  std::uint64_t min_samples = spec_of(metric).min_samples;  // of a device on either side
  Reaction action = Reaction::rollback;
  friend bool operator==(const GuardPolicy&, const GuardPolicy&) = default;
};

// The usual ones of the table, with their usual margins; of a policy with shadow runs, those that judge them as well.
std::vector<GuardPolicy> usual_guards(bool has_shadow_runs = false);

struct Policy {
  std::vector<WavePolicy> waves{{0.05}, {0.25}, {1.0}};
  GatePolicy gate;
  std::vector<AbortCriterion> abort{
      {{"validate_rejected"}, 3, 0.5, Reaction::halt},
      {{"probation_latency", "probation_errors", "probation_crash"}, 1, 0.2, Reaction::rollback}};
  std::vector<GuardPolicy> guards = usual_guards();
  double alpha = 0.05;                // of a harmless release that the guards of it stop, however long they watch
  std::int64_t look_s = 300;          // guards are looked at when canaries were measured for 1, 2, 4, 8 ... times this
  std::int64_t warm_up_s = 60;        // a device's first time on the release does not count
  std::int64_t silent_after_s = 900;  // a device without windows for so long is silent
  std::optional<wire::ShadowSpec> shadow{};  // before activation, on each device; none: no shadow runs
  wire::ProbationSpec probation{.duration_s = 60, .max_latency_ratio = {}, .max_error_rate = 0.5};
  std::int64_t baseline_s = 86400;            // how far before a device's update its old figures reach
  std::int64_t in_progress_timeout_s = 3600;  // from the moment the device began
  std::int64_t max_in_progress = 100;         // reachable devices between notified and an outcome
  std::int64_t patch_wait_s = 600;            // a device waits this long for its patch, then takes the full file
  RetryPolicy retry;
  bool include_resting = false;  // tells devices, too, that rest because they failed again and again
  Targets targets = Targets::frozen;
  Canary canary = Canary::as_written;
  ApprovalPolicy approval;
  std::optional<Maintenance> maintenance{};  // when devices are told; none: at any time
  std::int64_t start_grace_s = 300;          // a scheduled start that is later says so
  Pace pace;
  std::optional<std::int64_t> max_downloads{};  // reachable devices that are told or download; none: no such limit
  friend bool operator==(const Policy&, const Policy&) = default;
};

// Whether the panel keeps the counts of features.
bool is_guarded_by(const Policy& policy, GuardSource source);

// Missing keys take their defaults. Errc::unknown_key or Errc::invalid_argument, with the path of the wrong key.
Result<Policy> decode_policy(const nlohmann::json& document);
nlohmann::json encode(const Policy& policy);

}  // namespace argosy::server
