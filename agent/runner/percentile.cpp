#include "agent/runner/percentile.hpp"

#include <algorithm>
#include <numeric>

namespace argosy::agent {
namespace {

double nearest_rank(const std::vector<double>& sorted, std::size_t percent) {
  const std::size_t rank = (percent * sorted.size() + 99) / 100;
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

}  // namespace

LatencySummary summarise(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const double total = std::accumulate(values.begin(), values.end(), 0.0);
  return {total / static_cast<double>(values.size()), nearest_rank(values, 50), nearest_rank(values, 95),
          nearest_rank(values, 99)};
}

}  // namespace argosy::agent
