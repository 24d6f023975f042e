#include "common/stats/bins.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

namespace argosy {

Result<void> check_edges(std::span<const double> edges) {
  if (edges.empty() || edges.size() > edge_limit)
    return make_error(Errc::invalid_argument, "a feature needs 1 to " + std::to_string(edge_limit) + " edges, not " +
                                                  std::to_string(edges.size()));
  for (std::size_t i = 0; i < edges.size(); ++i) {
    if (!std::isfinite(edges[i]))
      return make_error(Errc::invalid_argument, "edge " + std::to_string(i) + " is not a finite number");
    if (i > 0 && edges[i] <= edges[i - 1])
      return make_error(Errc::invalid_argument, "edges must ascend, but edge " + std::to_string(i) + " (" +
                                                    std::to_string(edges[i]) + ") is not over the one before it");
  }
  return {};
}

std::size_t bin_of(std::span<const double> edges, double value) {
  if (std::isnan(value)) return edges.size() + 1;
  return static_cast<std::size_t>(std::upper_bound(edges.begin(), edges.end(), value) - edges.begin());
}

std::uint64_t BinCounts::total() const {
  return total_of(counts_);
}

std::uint64_t total_of(std::span<const std::uint64_t> counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

Result<void> add_counts(std::vector<std::uint64_t>& sum, std::span<const std::uint64_t> counts) {
  if (sum.empty()) sum.resize(counts.size());
  if (sum.size() != counts.size())
    return make_error(Errc::invalid_argument, "cannot add " + std::to_string(counts.size()) + " bins to " +
                                                  std::to_string(sum.size()) + ": they come from different references");
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += counts[i];
  return {};
}

}  // namespace argosy
