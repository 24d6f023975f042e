// What a canary can find out, told before the start: the smallest p-value it can show, the harm it can see, and how
// large it has to be. Pure. Classes of hardware hold so many devices of the fleet; n canaries are dealt to them in
// proportion, as waves are (Webster's method), and all others are controls.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/stats/assignments.hpp"

namespace argosy {

// n canaries over the classes, each in its proportion within one device; fewer when there are fewer devices.
// Source: M. L. Balinski, H. P. Young, "Fair Representation", 2nd ed., 2001 (Webster's method).
std::vector<StratumSize> dealt_canaries(std::span<const std::uint64_t> devices_of_class, std::uint64_t canaries);

// A guard's part of the rollout's alpha: its weight over the sum of all guards' weights (Bonferroni). Weights > 0.
double alpha_of_guard(double alpha, double weight, double sum_of_weights);

// What a permutation test over these devices can reject; `alpha` is the guard's.
struct PermutationReach {
  double least_p = 1;
  int looks = 0;  // looks 1..looks can reject, later ones cannot; 0: the guard can never roll back
};
PermutationReach permutation_reach(std::span<const StratumSize> strata, double alpha);
// "Take at least n": the fewest canaries with which look `look` can reject; nothing when no canary of this fleet can.
std::optional<std::uint64_t> least_canary(std::span<const std::uint64_t> devices_of_class, double alpha, int look = 1);

// How much a device's D varies by itself, in its unit, from earlier windows of the fleet.
struct ChangeSpread {
  double device = 0;                     // standard deviation of what stays, however long it is measured
  double window = 0;                     // of what one window adds; shrinks with the root of the windows
  double windows_that_count_as_one = 1;  // windows hang together: of AR(1) with coefficient r, (1 + r) / (1 - r)
};
double sigma_of_change(const ChangeSpread& spread, std::uint64_t windows);

// The power of the t test of stratified_effect.hpp at one alpha: P(lower bound > margin) when theta is `excess` over
// the margin and each device's D has standard deviation `sigma`. NaN when strata leave nothing to compare. Source: J.
// Cohen, "Statistical Power Analysis for the Behavioral Sciences", 2nd ed., 1988, chapter 2 (noncentral t).
double power_of(std::span<const StratumSize> strata, double sigma, double excess, double alpha);
// The excess over the margin that is seen with `power` (0.8, 0.95) at one alpha; +infinity when none is.
double visible_excess(std::span<const StratumSize> strata, double sigma, double power, double alpha);

// The same within so many windows: of the looks until then, each at its part of the guard's alpha, the best one. What
// is seen over all looks together is a little less harm still.
struct VisibleHarm {
  double excess = 0;  // over the margin, in the unit of D; +infinity when no look can see any
  int look = 0;       // the best one; 0 when none is due
};
VisibleHarm visible_within(std::span<const StratumSize> strata, const ChangeSpread& spread, std::uint64_t windows,
                           double power, double alpha);

// The fewest canaries that see `excess` within so many windows; nothing when no canary of up to half of the fleet does.
std::optional<std::uint64_t> canaries_to_see(std::span<const std::uint64_t> devices_of_class,
                                             const ChangeSpread& spread, std::uint64_t windows, double excess,
                                             double power, double alpha);

}  // namespace argosy
