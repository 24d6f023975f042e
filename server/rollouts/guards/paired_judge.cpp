#include "server/rollouts/guards/paired_judge.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "common/base/random.hpp"
#include "common/stats/looks.hpp"
#include "common/stats/paired_effect.hpp"

namespace argosy::server {
namespace {

using Harms = std::vector<double>;

Harms harms_of(std::span<const DeviceRow> rows, WorseWhen worse) {
  Harms harms;
  for (const DeviceRow& row : rows) harms.push_back(harm_of(row, worse));
  return harms;
}

Harms harms_in(std::span<const DeviceRow> rows, WorseWhen worse, std::uint32_t stratum) {
  Harms harms;
  for (const DeviceRow& row : rows)
    if (row.stratum == stratum) harms.push_back(harm_of(row, worse));
  return harms;
}

std::uint32_t classes_in(std::span<const DeviceRow> rows) {
  std::uint32_t classes = 0;
  for (const DeviceRow& row : rows) classes = std::max(classes, row.stratum + 1);
  return std::min(classes, stratum_limit);
}

constexpr std::uint64_t devices_for_t = 10;  // as wants_sign_flips() has it

// With the most draws, p-values under 1 in 100,000 are out of reach.
double draws_for(double alpha) {
  constexpr double fewest_draws = 999, most_draws = 100'000;
  return std::clamp(2 / std::max(alpha, 1e-9), fewest_draws, most_draws);
}

PermutationPlan plan_for(const GuardLook& look, std::uint64_t salt, double alpha) {
  return {.seed = stable_hash(look.seed, "paired/" + std::to_string(look.number) + "/" + std::to_string(salt)),
          .most_draws = static_cast<std::uint32_t>(draws_for(alpha))};
}

bool is_surely_over(const Harms& harms, double margin, double alpha, const StratifiedEffect& effect,
                    const PermutationPlan& plan) {
  if (alpha <= 0) return false;
  if (!wants_sign_flips(harms)) return bounds_of(effect, alpha).lower > margin;
  const auto test = sign_flip_test(harms, margin, plan);
  return test && rejects(test->p, alpha);
}

bool is_surely_under(const Harms& harms, double margin, double alpha, const StratifiedEffect& effect,
                     const PermutationPlan& plan) {
  if (alpha <= 0) return false;
  if (!wants_sign_flips(harms)) return bounds_of(effect, alpha).upper < margin;
  Harms turned;
  for (const double harm : harms) turned.push_back(-harm);
  const auto test = sign_flip_test(turned, -margin, plan);
  return test && rejects(test->p, alpha);
}

bool is_harmful(const Harms& harms, const PairedGuard& guard, double alpha, const PermutationPlan& plan) {
  const auto effect = paired_effect(harms, guard.change.least_sigma);
  return effect && effect->theta > guard.change.margins.rollback &&
         is_surely_over(harms, guard.null_harm, alpha, *effect, plan);
}

HarmVerdict verdict_over_all(const Harms& harms, const PairedGuard& guard, const GuardLook& look,
                             const StratifiedEffect& effect) {
  if (is_harmful(harms, guard, look.alphas.whole, plan_for(look, 0, look.alphas.whole))) return HarmVerdict::fail;
  const double margin = guard.change.margins.promotion;
  const double alpha = look.alphas.promotion;
  const bool passes = effect.theta < margin && is_surely_under(harms, margin, alpha, effect, plan_for(look, 0, alpha));
  if (passes) return HarmVerdict::pass;
  return look.is_longest_dwell ? HarmVerdict::inconclusive : HarmVerdict::waiting;
}

OneSidedBounds bounds_at_look(const StratifiedEffect& effect, const LookAlphas& alphas) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return {alphas.whole > 0 ? bounds_of(effect, alphas.whole).lower : -infinity,
          alphas.promotion > 0 ? bounds_of(effect, alphas.promotion).upper : infinity};
}

}  // namespace

Result<ChangeVerdict> judge_paired(std::span<const DeviceRow> rows, const PairedGuard& guard, const GuardLook& look) {
  const Harms harms = harms_of(rows, guard.change.worse);
  ChangeVerdict seen;
  ARGOSY_TRY(seen.effect, paired_effect(harms, guard.change.least_sigma));
  seen.bounds = bounds_at_look(seen.effect, look.alphas);
  seen.is_by_permutation = wants_sign_flips(harms);
  seen.verdict = verdict_over_all(harms, guard, look, seen.effect);
  seen.missing_canaries = canaries_to_pass(seen.effect, look.alphas.promotion, guard.change.margins.promotion);
  if (seen.verdict == HarmVerdict::fail) return seen;
  const double alpha = look.alphas.each_class;
  for (std::uint32_t stratum = 0; alpha > 0 && stratum < classes_in(rows); ++stratum) {
    if (!is_harmful(harms_in(rows, guard.change.worse, stratum), guard, alpha, plan_for(look, stratum + 1, alpha)))
      continue;
    seen.verdict = HarmVerdict::fail;
    seen.driven_by = stratum;
    return seen;
  }
  return seen;
}

double least_paired_p_of(std::uint64_t devices, double alpha) {
  return std::max(least_sign_flip_p(devices), 1 / (1 + draws_for(alpha)));
}

bool can_reject_paired(std::uint64_t devices, double alpha) {
  return alpha > 0 && (devices >= devices_for_t || rejects(least_paired_p_of(devices, alpha), alpha));
}

}  // namespace argosy::server
