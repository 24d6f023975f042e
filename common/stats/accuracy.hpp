// Confidence bounds of a share of successes. Pure.
#pragma once

#include <cstdint>

namespace argosy {

struct ShareBounds {
  double lower = 0;
  double upper = 1;
};

// Wilson's score interval: `z` = 1.645 leaves 5 % outside each end. 0..1 when trials is 0.
// Source: E. B. Wilson, J. Am. Stat. Assoc. 22, 1927.
ShareBounds wilson_bounds(std::uint64_t successes, std::uint64_t trials, double z);
// The same of a share, where the trials are an effective number.
ShareBounds wilson_bounds_of_share(double share, double trials, double z);

}  // namespace argosy
