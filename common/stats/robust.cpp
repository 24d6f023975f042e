#include "common/stats/robust.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace argosy {

std::optional<double> median(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

std::optional<Spread> robust_spread(const std::vector<double>& values) {
  const auto centre = median(values);
  if (!centre) return std::nullopt;
  std::vector<double> deviations;
  deviations.reserve(values.size());
  for (const double value : values) deviations.push_back(std::abs(value - *centre));
  return Spread{*centre, 1.4826 * *median(std::move(deviations))};
}

double robust_z(const Spread& spread, double value, double floor) {
  return (value - spread.median) / std::max(spread.sigma, floor);
}

}  // namespace argosy
