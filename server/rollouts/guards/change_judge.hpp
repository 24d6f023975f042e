// Is a metric worse on the new release? The verdict of one look, over one row a device: canaries and those that wait,
// each against its own past. Over all classes of hardware together and, with half of alpha, in each class alone: a
// fault in a tenth of the fleet is diluted by the average. Pure; costs what its rows cost, and a permutation test where
// there are few canaries. It fails where the canaries are surely worse and the harm seen is over the rollback margin:
// to be sure of harm over the margin itself takes four times as many devices, and harmless releases are stopped no more
// often for it. False roll backs, whatever the number of looks and however long, are at most the guard's
// alpha: half of it is spent over all classes and half split between them (Bonferroni), each half over the looks as
// looks.hpp or spending.hpp say.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "common/base/error.hpp"
#include "common/stats/assignments.hpp"
#include "common/stats/device_rows.hpp"
#include "common/stats/non_inferiority.hpp"
#include "common/stats/one_sided_bounds.hpp"
#include "common/stats/permutation.hpp"
#include "common/stats/stratified_effect.hpp"

namespace argosy::server {

// doubling: look k spends alpha / (k (k + 1)), so that what is plain is seen at once, however long it goes on.
// towards_the_end: O'Brien and Fleming's spending until the longest dwell: what shows slowly (accuracy by labels, a
// class with few canaries) is seen with nearly all of alpha at the end, and nothing is at the first looks.
// both: half of alpha each way, for what may come at once or one by one (devices that fall silent).
enum class Looks : std::uint8_t { doubling, towards_the_end, both };

struct ChangeGuard {
  WorseWhen worse = WorseWhen::higher;
  HarmMargins margins{};          // in the unit of D
  double alpha = 0.05;            // of a false roll back over all looks: the guard's share of the rollout's
  double promotion_alpha = 0.05;  // of a wrong promotion over all looks, which double
  Looks looks =
      Looks::doubling;  // of all classes together; each class alone is looked at towards the end where there is one
  std::uint32_t classes = 1;  // of hardware in the rollout
  double least_sigma = 0;     // the resolution of a device's figure, in the unit of D
};

struct LookAlphas {  // what one look may spend
  double whole = 0;
  double each_class = 0;  // 0: there is one class alone
  double promotion = 0;
};

struct LookSpending {
  int number = 1;                             // of the look, over the whole rollout: looks that double spend by it
  int in_wave = 1;                            // and promotions, which each wave has of its own, by this
  std::span<const double> shares_of_dwell{};  // of the wave's looks until this one, (0, 1], ascending
  double share_of_alpha = 1;                  // that looks towards the end may spend in this wave; 0: they have
};

// Errc::invalid_argument as spending_boundaries(). Takes some milliseconds.
Result<LookAlphas> alphas_at(const ChangeGuard& guard, const LookSpending& spending);

// The same for each look of a rollout's first wave, which come at these shares of its dwell.
Result<std::vector<LookAlphas>> alphas_of_first_wave(const ChangeGuard& guard, std::span<const double> shares_of_dwell,
                                                     double share_of_alpha);

// The part of alpha for the looks towards the end of a wave: three quarters in the first, which has the fewest
// canaries, three quarters of the rest in the next, and what is left in the last.
double share_of_alpha_in(int wave, int waves);

// What a guard may spend together with the others of its family, and how sure all of them are that this one is harm.
struct FamilyLook {
  LookAlphas alphas{};
  // Adjusted for the others; over all classes of hardware, or in one.
  std::function<double(std::optional<std::uint32_t> stratum, const PermutationPlan& plan)> p{};
};

struct GuardLook {
  int number = 1;  // 1, 2, ...: after 1, 2, 4, 8 ... windows
  LookAlphas alphas{};
  bool is_longest_dwell = false;
  std::uint64_t seed = 1;              // the rollout's
  std::optional<FamilyLook> family{};  // it fails by this alone
};

struct ChangeVerdict {
  HarmVerdict verdict = HarmVerdict::waiting;
  StratifiedEffect effect;
  OneSidedBounds bounds;  // of theta, at what this look may spend; Student's t, also where a permutation test decides
  bool is_by_permutation = false;
  std::optional<std::uint32_t> driven_by;         // the class that fails by itself while the whole does not
  std::optional<std::uint64_t> missing_canaries;  // about so many more would bring a pass
};

// The smallest p-value that judge_change() can come to over so many devices, where `alpha` may be spent; 1 where
// nothing can be exchanged. It counts where there are few canaries, or wild values.
double least_p_of(std::span<const StratumSize> strata, double alpha);
// Whether any figures of these devices could reject there.
bool can_reject(std::span<const StratumSize> strata, double alpha);

// Errc::unavailable, with the reason, when nothing can be compared: that is never a pass.
Result<ChangeVerdict> judge_change(std::span<const DeviceRow> rows, const ChangeGuard& guard, const GuardLook& look);

}  // namespace argosy::server
