// Lan-DeMets spending: where a longest dwell is set, how high a statistic may be at each look so that over all of them
// it is too high with probability alpha if nothing is wrong. Pure; 30 looks take some 20 ms: keep what they gave.
// The looks' statistics are taken to be jointly normal with correlation sqrt(t_i / t_j), as sums of independent parts
// are. Windows of the same devices go together more than that, and then these boundaries are on the safe side (D.
// Slepian, Bell Syst. Tech. J. 41, 1962).
// Sources: K. K. G. Lan, D. L. DeMets, Biometrika 70(3), 1983 (spending); P. Armitage, C. K. McPherson, B. C. Rowe,
// J. R. Stat. Soc. A 132, 1969 (the recursion); C. Jennison, B. W. Turnbull, "Group Sequential Methods", 2000,
// chapter 19.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/base/error.hpp"

namespace argosy {

enum class SpendingType : std::uint8_t { obrien_fleming, pocock };

// What may be spent until the share `fraction` of the longest dwell (or of the information), 0..alpha; all from 1 on.
// One-sided: 2 - 2 Phi(z(1 - alpha/2) / sqrt(fraction)), and alpha ln(1 + (e - 1) fraction).
double alpha_spent(SpendingType type, double alpha, double fraction);

struct LookBoundary {
  double fraction = 0;
  double spent = 0;  // until and with this look
  double z = 0;      // too high: the statistic is over it. +infinity where there is less than 1e-12 to spend yet
  double alpha = 0;  // P(Z > z) of this look alone: the alpha of a bound by Student's t instead
};

// One for each fraction. Those of earlier looks do not depend on later fractions, so looks need not be planned: give
// all that were taken, and the next. Errc::invalid_argument unless alpha is in (0, 0.5] and there are 1 to 100
// fractions, ascending in (0, 1].
Result<std::vector<LookBoundary>> spending_boundaries(SpendingType type, double alpha,
                                                      std::span<const double> fractions);

// The probability that the statistic is too high at each look for the first time, if its mean is drift *
// sqrt(fraction): with drift 0 the alpha spent there, and their sum the power otherwise.
std::vector<double> crossing_probabilities(std::span<const LookBoundary> boundaries, double drift);

}  // namespace argosy
