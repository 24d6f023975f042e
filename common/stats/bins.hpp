// Counts of a feature's values over the bins that came with a release: n ascending edges make n + 1 bins (under the
// first edge, between two edges, from the last edge up) and one more, the last, for NaN. Pure; one owner at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/base/error.hpp"

namespace argosy {

inline constexpr std::size_t edge_limit = 256;

// Bins that a histogram over so many edges has, NaN included.
constexpr std::size_t bins_of_edges(std::size_t edges) {
  return edges + 2;
}

// Errc::invalid_argument unless there are 1 to 256 edges, finite and strictly ascending.
Result<void> check_edges(std::span<const double> edges);

// Bin i holds edges[i - 1] <= value < edges[i].
std::size_t bin_of(std::span<const double> edges, double value);

class BinCounts {
 public:
  explicit BinCounts(std::vector<double> edges) : edges_(std::move(edges)), counts_(bins_of_edges(edges_.size())) {}
  void add(double value, std::uint64_t times = 1) { counts_[bin_of(edges_, value)] += times; }
  void clear() { counts_.assign(counts_.size(), 0); }
  const std::vector<double>& edges() const { return edges_; }
  const std::vector<std::uint64_t>& counts() const { return counts_; }
  std::uint64_t total() const;

 private:
  std::vector<double> edges_;
  std::vector<std::uint64_t> counts_;
};

std::uint64_t total_of(std::span<const std::uint64_t> counts);
// sum[i] += counts[i]; an empty sum takes the size of counts. Errc::invalid_argument when the sizes differ.
Result<void> add_counts(std::vector<std::uint64_t>& sum, std::span<const std::uint64_t> counts);

}  // namespace argosy
