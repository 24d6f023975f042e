#include "server/rollouts/guards/change_judge.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "common/base/random.hpp"
#include "common/stats/looks.hpp"
#include "common/stats/permutation.hpp"
#include "common/stats/spending.hpp"

namespace argosy::server {
namespace {

constexpr std::uint64_t canaries_for_t = 10;  // canaries, as wants_permutation() has it

double each_of(double half, std::uint32_t classes) {
  return classes < 2 ? 0 : half / classes;
}
double whole_of(double alpha, std::uint32_t classes) {
  return classes < 2 ? alpha : alpha / 2;
}

// What looks towards the end may spend at each of these shares.
Result<std::vector<double>> spent_towards_the_end(double alpha, std::span<const double> shares_of_dwell) {
  std::vector<double> spent(shares_of_dwell.size(), 0.0);
  if (alpha <= 0) return spent;
  ARGOSY_TRY(const auto boundaries, spending_boundaries(SpendingType::obrien_fleming, alpha, shares_of_dwell));
  std::transform(boundaries.begin(), boundaries.end(), spent.begin(), [](const auto& one) { return one.alpha; });
  return spent;
}

Result<double> newest_boundary(double alpha, std::span<const double> shares_of_dwell) {
  if (alpha <= 0) return 0.0;
  ARGOSY_TRY(const auto spent, spent_towards_the_end(alpha, shares_of_dwell));
  return spent.back();
}

double part_towards_the_end(const ChangeGuard& guard) {
  if (guard.looks == Looks::doubling) return 0;
  return guard.looks == Looks::both ? 0.5 : 1;
}

// Over all classes, of a look that may spend `at_end` as one towards the end.
double alpha_of_whole(const ChangeGuard& guard, double whole, int number, double at_end) {
  if (guard.looks == Looks::towards_the_end) return at_end;
  const double doubling = alpha_of_look(whole, number);
  return guard.looks == Looks::both ? std::max(0.5 * doubling, at_end) : doubling;
}

// With the most draws, p-values under 1 in 100,000 are out of reach: the first looks towards the end wait.
std::uint32_t draws_at(double alpha) {
  constexpr double fewest_draws = 999, most_draws = 100'000;
  return static_cast<std::uint32_t>(std::clamp(2 / std::max(alpha, 1e-9), fewest_draws, most_draws));
}

PermutationPlan plan_of(const GuardLook& look, std::uint64_t salt, double alpha) {
  return {.seed = stable_hash(look.seed, std::to_string(look.number) + "/" + std::to_string(salt)),
          .most_draws = draws_at(alpha)};
}

// Nothing may be spent, nothing is sure.
OneSidedBounds bounds_at(const StratifiedEffect& effect, double alpha) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return alpha > 0 ? bounds_of(effect, alpha) : OneSidedBounds{-infinity, infinity};
}

std::vector<std::uint32_t> classes_with_both(const StratifiedSums& sums) {
  std::vector<std::uint32_t> classes;
  for (std::uint32_t stratum = 0; stratum < sums.strata(); ++stratum)
    if (sums.of(stratum, Arm::canary).n > 0 && sums.of(stratum, Arm::control).n > 0) classes.push_back(stratum);
  return classes;
}

std::vector<DeviceRow> rows_of(std::span<const DeviceRow> rows, std::uint32_t stratum) {
  std::vector<DeviceRow> found;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(found),
               [stratum](const DeviceRow& row) { return row.stratum == stratum; });
  return found;
}

// Whether "the canaries are no worse" is rejected, whatever the figures' distribution.
bool is_worse_by_permutation(std::span<const DeviceRow> rows, const ChangeGuard& guard, const PermutationPlan& plan,
                             double alpha) {
  const auto test = permutation_test(rows, guard.worse, 0, plan);
  return test && rejects(test->p, alpha);
}

// Of the guard alone, or of its family.
const LookAlphas& alphas_to_fail(const GuardLook& look) {
  return look.family ? look.family->alphas : look.alphas;
}

bool is_worse_in_family(const GuardLook& look, std::optional<std::uint32_t> stratum, double alpha) {
  return rejects(look.family->p(stratum, plan_of(look, stratum ? *stratum + 1 : 0, alpha)), alpha);
}

bool class_fails(std::span<const DeviceRow> rows, const StratifiedSums& sums, std::uint32_t stratum,
                 const ChangeGuard& guard, const GuardLook& look) {
  const double alpha = alphas_to_fail(look).each_class;
  const auto effect = effect_in(sums, stratum, guard.least_sigma);
  if (!effect || alpha <= 0 || effect->theta <= guard.margins.rollback) return false;
  if (look.family) return is_worse_in_family(look, stratum, alpha);
  const std::vector<DeviceRow> members = rows_of(rows, stratum);
  if (wants_permutation(sums_of(members, guard.worse), members, guard.worse))
    return is_worse_by_permutation(members, guard, plan_of(look, stratum + 1, alpha), alpha);
  return bounds_at(*effect, alpha).lower > 0;
}

bool whole_fails(std::span<const DeviceRow> rows, const ChangeGuard& guard, const GuardLook& look,
                 const ChangeVerdict& seen) {
  if (seen.effect.theta <= guard.margins.rollback || alphas_to_fail(look).whole <= 0) return false;
  if (look.family) return is_worse_in_family(look, std::nullopt, look.family->alphas.whole);
  if (!seen.is_by_permutation) return seen.bounds.lower > 0;
  return is_worse_by_permutation(rows, guard, plan_of(look, 0, look.alphas.whole), look.alphas.whole);
}

bool whole_passes(std::span<const DeviceRow> rows, const ChangeGuard& guard, const GuardLook& look,
                  const ChangeVerdict& seen) {
  if (seen.effect.theta >= guard.margins.promotion) return false;
  if (!seen.is_by_permutation) return seen.bounds.upper < guard.margins.promotion;
  const auto better =
      non_inferiority_test(rows, guard.worse, guard.margins.promotion, plan_of(look, 0, look.alphas.promotion));
  return better && rejects(better->p, look.alphas.promotion);
}

HarmVerdict verdict_of_whole(std::span<const DeviceRow> rows, const ChangeGuard& guard, const GuardLook& look,
                             const ChangeVerdict& seen) {
  if (whole_fails(rows, guard, look, seen)) return HarmVerdict::fail;
  if (whole_passes(rows, guard, look, seen)) return HarmVerdict::pass;
  return look.is_longest_dwell ? HarmVerdict::inconclusive : HarmVerdict::waiting;
}

}  // namespace

Result<LookAlphas> alphas_at(const ChangeGuard& guard, const LookSpending& spending) {
  const double whole = whole_of(guard.alpha, guard.classes);
  ARGOSY_TRY(const auto at_end,
             newest_boundary(part_towards_the_end(guard) * whole * spending.share_of_alpha, spending.shares_of_dwell));
  LookAlphas alphas{.whole = alpha_of_whole(guard, whole, spending.number, at_end),
                    .promotion = alpha_of_look(guard.promotion_alpha, spending.in_wave)};
  if (guard.classes > 1) {
    const double each = each_of(whole, guard.classes) * spending.share_of_alpha;
    ARGOSY_TRY(alphas.each_class, newest_boundary(each, spending.shares_of_dwell));
  }
  return alphas;
}

Result<std::vector<LookAlphas>> alphas_of_first_wave(const ChangeGuard& guard, std::span<const double> shares_of_dwell,
                                                     double share_of_alpha) {
  const double whole = whole_of(guard.alpha, guard.classes);
  const double towards_the_end = part_towards_the_end(guard) * whole * share_of_alpha;
  ARGOSY_TRY(const auto at_end, spent_towards_the_end(towards_the_end, shares_of_dwell));
  ARGOSY_TRY(const auto each_class,
             spent_towards_the_end(each_of(whole, guard.classes) * share_of_alpha, shares_of_dwell));
  std::vector<LookAlphas> looks;
  for (std::size_t i = 0; i < shares_of_dwell.size(); ++i) {
    const int number = static_cast<int>(i) + 1;
    looks.push_back(
        {alpha_of_whole(guard, whole, number, at_end[i]), each_class[i], alpha_of_look(guard.promotion_alpha, number)});
  }
  return looks;
}

double share_of_alpha_in(int wave, int waves) {
  constexpr double first = 0.75;
  return std::pow(1 - first, wave) * (wave + 1 < waves ? first : 1);
}

double least_p_of(std::span<const StratumSize> strata, double alpha) {
  const double least = least_permutation_p(strata);
  if (least * PermutationPlan{}.exact_up_to >= 1) return least;
  return std::max(least, 1.0 / (1.0 + draws_at(alpha)));
}

bool can_reject(std::span<const StratumSize> strata, double alpha) {
  if (alpha <= 0) return false;
  std::uint64_t compared = 0;
  for (const StratumSize& stratum : strata) compared += stratum.canaries < stratum.devices ? stratum.canaries : 0;
  return compared >= canaries_for_t || rejects(least_p_of(strata, alpha), alpha);
}

Result<ChangeVerdict> judge_change(std::span<const DeviceRow> rows, const ChangeGuard& guard, const GuardLook& look) {
  const StratifiedSums sums = sums_of(rows, guard.worse);
  ChangeVerdict seen;
  ARGOSY_TRY(seen.effect, stratified_effect(sums, guard.least_sigma));
  seen.bounds = {bounds_at(seen.effect, look.alphas.whole).lower, bounds_at(seen.effect, look.alphas.promotion).upper};
  seen.is_by_permutation = wants_permutation(sums, rows, guard.worse);
  seen.verdict = verdict_of_whole(rows, guard, look, seen);
  seen.missing_canaries = canaries_to_pass(seen.effect, look.alphas.promotion, guard.margins.promotion);
  if (seen.verdict == HarmVerdict::fail || alphas_to_fail(look).each_class <= 0) return seen;
  const std::vector<std::uint32_t> classes = classes_with_both(sums);
  const auto failing = std::find_if(classes.begin(), classes.end(), [&](std::uint32_t stratum) {
    return class_fails(rows, sums, stratum, guard, look);
  });
  if (failing == classes.end()) return seen;
  seen.verdict = HarmVerdict::fail;
  seen.driven_by = *failing;
  return seen;
}

}  // namespace argosy::server
