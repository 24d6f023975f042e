// Centre and spread that a few wild values cannot move. Pure.
#pragma once

#include <optional>
#include <vector>

namespace argosy {

std::optional<double> median(std::vector<double> values);  // nothing when empty; the mean of the middle two when even

struct Spread {
  double median = 0;
  double sigma = 0;  // 1.4826 * median absolute deviation: the standard deviation, were the values normal
};
std::optional<Spread> robust_spread(const std::vector<double>& values);

// How many sigmas `value` lies over the median, with sigma taken as at least `floor` (> 0).
double robust_z(const Spread& spread, double value, double floor);

}  // namespace argosy
