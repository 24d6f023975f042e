// The two ends of an interval, each of which errs with a probability of its own. Pure; a value.
#pragma once

namespace argosy {

struct OneSidedBounds {
  double lower = 0;  // the truth is over it with probability 1 - alpha
  double upper = 0;  // and under this, with the same; both at once with 1 - 2 alpha
};

}  // namespace argosy
