// The verdicts of a comparison and its margins. Pass: surely not as much worse as the promotion margin
// (non-inferiority). What is neither pass nor fail has not enough data, and no data never passes. Pure.
// Guards that must all pass need no correction for being many (the intersection-union test); a guard that is asked at
// every look does need one for that, as failing does.
// Sources: G. Piaggio et al., JAMA 308(24), 2012 (non-inferiority by one bound); R. L. Berger, Technometrics 24(4),
// 1982 (intersection-union).
#pragma once

#include <cstdint>
#include <optional>

#include "common/stats/stratified_effect.hpp"

namespace argosy {

enum class HarmVerdict : std::uint8_t { fail, pass, waiting, inconclusive };

struct HarmMargins {  // in the unit of D, 0 or more
  double rollback = 0;
  double promotion = 0;
};

// Where D is a difference of logarithms: ln of `ratio` (over 1), but at least what `least_change` (in the metric's own
// unit, 0 for none) makes of the figure `before` (> 0): +5 % of a latency, and at least 2 ms.
double ln_margin(double ratio, double least_change, double before);

// About how many more canary devices until the upper bound is under `margin`, if they show what those so far do; 0 when
// it is. Nothing when theta is not under the margin, or when the controls' part of the standard error alone is too
// large: then only more controls or windows help.
std::optional<std::uint64_t> canaries_to_pass(const StratifiedEffect& effect, double alpha, double margin);
// The same until the lower bound is over `margin`.
std::optional<std::uint64_t> canaries_to_fail(const StratifiedEffect& effect, double alpha, double margin);

}  // namespace argosy
