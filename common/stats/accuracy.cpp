#include "common/stats/accuracy.hpp"

#include <algorithm>
#include <cmath>

namespace argosy {

ShareBounds wilson_bounds(std::uint64_t successes, std::uint64_t trials, double z) {
  if (trials == 0) return {};
  const auto n = static_cast<double>(trials);
  return wilson_bounds_of_share(static_cast<double>(successes) / n, n, z);
}

ShareBounds wilson_bounds_of_share(double share, double trials, double z) {
  if (!(trials > 0)) return {};
  const double centre = (share + z * z / (2 * trials)) / (1 + z * z / trials);
  const double half =
      z / (1 + z * z / trials) * std::sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials));
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

}  // namespace argosy
