#include "common/stats/input_contract.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/stats/bins.hpp"

namespace argosy {

namespace {

constexpr double wider = 0.5;        // than what the reference saw, either way
constexpr double far_widths = 1.25;  // of the range, outside of it
constexpr double small_share = 0.02;
constexpr double rare = 0.05;  // of the reference: a bin with more is no fault by itself, unless it is out of range
constexpr double tolerated_not_numbers = 0.05;  // beside what the reference has

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Bounds {
  double low = 0;
  double high = 0;
};

Bounds bounds_of(std::span<const double> edges, std::size_t bin) {
  return {bin == 0 ? -infinity : edges[bin - 1], bin == edges.size() ? infinity : edges[bin]};
}

// Of the numbers, those in bins that end at `limit` or under it: of a long tail, many bins are small against its end.
double share_under(std::span<const double> edges, std::span<const std::uint64_t> counts, double limit) {
  if (counts.size() != bins_of_edges(edges.size())) return 0;
  std::uint64_t under = 0;
  for (std::size_t bin = 0; bin < edges.size() && edges[bin] <= limit; ++bin) under += counts[bin];
  const auto total = total_of(counts.first(counts.size() - 1));
  return total > 0 ? static_cast<double>(under) / static_cast<double>(total) : 0;
}

}  // namespace

std::optional<FeatureContract> contract_of(std::string name, std::span<const double> edges,
                                           std::span<const std::uint64_t> counts) {
  if (edges.empty() || counts.size() != bins_of_edges(edges.size())) return std::nullopt;
  const auto numbers = counts.first(counts.size() - 1);
  const auto is_filled = [](std::uint64_t count) { return count > 0; };
  const auto first = std::find_if(numbers.begin(), numbers.end(), is_filled);
  if (first == numbers.end()) return std::nullopt;
  const auto last = std::find_if(numbers.rbegin(), numbers.rend(), is_filled);
  const auto least = bounds_of(edges, static_cast<std::size_t>(first - numbers.begin())).low;
  const auto most = bounds_of(edges, static_cast<std::size_t>(numbers.rend() - last) - 1).high;
  FeatureContract contract{std::move(name)};
  contract.least = std::isfinite(least) ? least : edges.front();
  contract.most = std::isfinite(most) ? most : edges.back();
  const double margin = wider * (contract.most - contract.least);
  contract.least -= margin;
  contract.most += margin;
  const auto total = static_cast<double>(total_of(counts));
  contract.not_numbers = std::min(1.0, static_cast<double>(counts.back()) / total + tolerated_not_numbers);
  contract.varies = std::count_if(numbers.begin(), numbers.end(), is_filled) > 1;
  return contract;
}

std::vector<BinKind> bin_kinds(const FeatureContract& contract, std::span<const double> edges,
                               std::span<const std::uint64_t> counts) {
  const auto total = static_cast<double>(total_of(counts));
  const double width = contract.most - contract.least;
  const double least = contract.least + 1e-6 * width;  // edges and range come from the same figures, nearly
  const double most = contract.most - 1e-6 * width;
  const double least_seen = contract.least + width * wider / (1 + 2 * wider);
  const bool may_be_small = least_seen >= 0 && share_under(edges, counts, small_share * contract.most) <= rare;
  std::vector<BinKind> kinds(edges.size() + 1, BinKind::good);
  for (std::size_t bin = 0; bin < kinds.size(); ++bin) {
    const auto [low, high] = bounds_of(edges, bin);
    const double share = total > 0 && bin < counts.size() ? static_cast<double>(counts[bin]) / total : 0;
    const bool is_rare = share <= rare;
    const bool is_zero = is_rare && low <= 0 && high > 0 && high - low <= 1e-6 * width;
    const bool is_small = may_be_small && low >= 0 && high <= small_share * contract.most;
    const double outside = std::max(least - high, low - most);
    if (is_zero) {
      kinds[bin] = BinKind::zero;
    } else if (outside >= far_widths * width) {
      kinds[bin] = BinKind::far;
    } else if (is_small) {
      kinds[bin] = BinKind::small;
    } else if (outside >= 0) {
      kinds[bin] = BinKind::out;
    } else if (is_rare && (std::isinf(low) || std::isinf(high))) {
      kinds[bin] = BinKind::open;
    }
  }
  kinds.push_back(BinKind::not_a_number);
  return kinds;
}

}  // namespace argosy
