// Guards: is the new release worse than the old one where it runs? One verdict for each guard of a policy, at each look
// over the rollout's panel. Pure. What cannot be compared yet waits, and never passes; what can never be compared is
// said to be so, and holds the gate only where the policy requires the guard.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "server/rollouts/core/policy.hpp"
#include "server/rollouts/guards/look_plan.hpp"
#include "server/rollouts/guards/panel.hpp"

namespace argosy::server {

// unknown: it could not be measured now. It holds the gate as waiting does, and stops nothing else.
// skipped: it can give no verdict in this rollout, and is not required.
enum class Verdict : std::uint8_t { pass, fail, waiting, unknown, skipped };
std::string_view to_string(Verdict verdict);

struct GuardVerdict {
  GuardedMetric metric{};
  GuardMode mode = GuardMode::automatic;
  Verdict verdict = Verdict::waiting;
  // A change in the unit of the metric's scale (see guard_metrics.hpp), + is harm; nothing before the first look, and
  // bounds only where something may be spent.
  std::optional<double> estimate{};
  std::optional<double> lower{};
  std::optional<double> upper{};
  double rollback_margin = 0;
  double promotion_margin = 0;
  std::uint64_t canaries = 0;  // compared
  std::uint64_t controls = 0;
  std::uint64_t unmeasured = 0;      // canaries with too little to compare yet
  std::uint64_t first_installs = 0;  // of the canaries, judged against their peers
  std::optional<double> canary{};    // medians, in the metric's unit
  std::optional<double> control{};
  std::optional<double> before{};
  int look = 0;  // the number of the last one, over the whole rollout
  int wave = 0;  // that was open then
  std::optional<Instant> at{};
  bool is_final = false;  // no further look comes in this wave
  bool is_by_permutation = false;
  // Of silence: what was seen of devices that fell silent one after the other, until this look.
  std::optional<SilenceEvidence::State> evidence{};
  std::string driven_by{};                          // the class of hardware that fails while the whole does not
  std::optional<std::uint64_t> missing_canaries{};  // about so many more would bring a pass
  std::string message{};                            // for the operator: figures, margins, or what is still missing
};

// Of what a guard on silence may spend, for who falls silent from look to look; the rest is for the shares that are
// silent. With few canaries the former sees what the latter cannot.
inline constexpr double share_of_silence_evidence = 0.75;

// What a guard may spend of the policy's alpha: its weight over that of all.
double alpha_of(const Policy& policy, const GuardPolicy& guard);
// The same of those of them that are judged together.
double alpha_of(const Policy& policy, const std::vector<const GuardPolicy*>& family);
// On the metric's scale; `usual` is its figure on the release before, which the floor of a ratio is measured by.
HarmMargins margins_of(const GuardPolicy& guard, const std::optional<double>& usual);
// By its row of the table, with these margins on its scale.
ChangeGuard change_guard(const Policy& policy, const GuardPolicy& guard, const HarmMargins& margins,
                         std::uint32_t classes);

// Verdicts before the first look.
std::vector<GuardVerdict> not_yet_judged(const Policy& policy);

struct LookContext {
  Look look{};
  Instant now{};
  std::uint64_t seed = 1;              // the rollout's
  bool is_last_wave = false;           // nobody waits for another
  Instant began_at{};                  // the rollout: who was silent then says nothing of it
  std::vector<GuardVerdict> before{};  // of the look before; a pass in the same wave holds
};
// One for each guard of the policy, in its order. Takes some milliseconds, and with few canaries up to a second: a
// permutation test.
std::vector<GuardVerdict> judge_guards(const Policy& policy, const GuardPanel& panel, const LookContext& context);

// What each guard of the policy says now: at the newest look, when that was in the wave that is open. `why_unmeasured`
// makes unknown what has not passed; empty: it could be measured.
std::vector<GuardVerdict> current_verdicts(const Policy& policy, const std::vector<GuardVerdict>& last_look, int wave,
                                           const std::string& why_unmeasured);

nlohmann::json encode(const GuardVerdict& verdict);
// As written by encode(). Errc::corrupt.
Result<GuardVerdict> decode_guard_verdict(const nlohmann::json& document);

}  // namespace argosy::server
