#include "common/stats/drift.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "common/stats/bins.hpp"

namespace argosy {

namespace {

class SmoothedShares {
 public:
  SmoothedShares(Counts counts, std::size_t used)
      : counts_(counts), total_(static_cast<double>(total_of(counts)) + 0.5 * static_cast<double>(used)) {}
  double operator[](std::size_t bin) const { return (static_cast<double>(counts_[bin]) + 0.5) / total_; }

 private:
  Counts counts_;
  double total_;
};

double share(std::uint64_t count, std::uint64_t total) {
  return static_cast<double>(count) / static_cast<double>(total);
}

struct Moments {
  double mean = 0;
  double variance = 0;
};

// `counts` without the NaN bin: under, between each pair of edges, over.
Moments moments_of(std::span<const double> edges, Counts counts) {
  const auto total = static_cast<double>(total_of(counts));
  double sum = 0;
  double sum_of_squares = 0;
  for (std::size_t bin = 0; bin < counts.size(); ++bin) {
    const double low = edges[bin == 0 ? 0 : bin - 1];
    const double high = edges[std::min(bin, edges.size() - 1)];
    const double middle = (low + high) / 2;
    const double weight = static_cast<double>(counts[bin]) / total;
    sum += weight * middle;
    sum_of_squares += weight * (middle * middle + (high - low) * (high - low) / 12);
  }
  return {sum, std::max(0.0, sum_of_squares - sum * sum)};
}

// Integral of |f| over `width`, where f runs straight from `left` to `right`.
double area_between(double left, double right, double width) {
  if (left * right >= 0) return width * (std::abs(left) + std::abs(right)) / 2;
  return width * (left * left + right * right) / (2 * (std::abs(left) + std::abs(right)));
}

}  // namespace

std::size_t used_bins(Counts reference, Counts present) {
  std::size_t used = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) used += reference[i] + present[i] > 0 ? 1 : 0;
  return used;
}

double population_stability_index(Counts reference, Counts present) {
  const auto used = used_bins(reference, present);
  const SmoothedShares p(reference, used);
  const SmoothedShares q(present, used);
  double sum = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    if (reference[i] + present[i] > 0) sum += (q[i] - p[i]) * std::log(q[i] / p[i]);
  }
  return sum;
}

double expected_psi(Counts reference, Counts present, double reference_samples, double present_samples) {
  const auto used = used_bins(reference, present);
  if (used < 2 || reference_samples <= 0 || present_samples <= 0) return 0;
  return static_cast<double>(used - 1) * (1 / reference_samples + 1 / present_samples);
}

double rank_shift(Counts reference, Counts present) {
  const Counts p = reference.first(reference.size() - 1);
  const Counts q = present.first(present.size() - 1);
  const auto n = total_of(p);
  const auto m = total_of(q);
  if (n == 0 || m == 0) return 0;
  double below = 0;
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double in_bin = share(p[i], n);
    sum += share(q[i], m) * (below + in_bin / 2);
    below += in_bin;
  }
  return sum - 0.5;
}

double jensen_shannon(Counts reference, Counts present) {
  const auto used = used_bins(reference, present);
  const SmoothedShares p(reference, used);
  const SmoothedShares q(present, used);
  double sum = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    if (reference[i] + present[i] == 0) continue;
    const double middle = (p[i] + q[i]) / 2;
    sum += (p[i] * std::log2(p[i] / middle) + q[i] * std::log2(q[i] / middle)) / 2;
  }
  return std::clamp(sum, 0.0, 1.0);
}

double kolmogorov_smirnov(Counts reference, Counts present) {
  const auto n = total_of(reference);
  const auto m = total_of(present);
  if (n == 0 || m == 0) return 0;
  double difference = 0;
  double largest = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    difference += share(present[i], m) - share(reference[i], n);
    largest = std::max(largest, std::abs(difference));
  }
  return std::min(largest, 1.0);
}

std::optional<double> wasserstein_over_sd(std::span<const double> edges, Counts reference, Counts present) {
  const Counts p = reference.first(reference.size() - 1);
  const Counts q = present.first(present.size() - 1);
  const auto n = total_of(p);
  const auto m = total_of(q);
  if (n == 0 || m == 0) return std::nullopt;
  const double variance = moments_of(edges, p).variance;
  if (variance <= 0) return std::nullopt;
  double area = 0;
  double left = share(q[0], m) - share(p[0], n);
  for (std::size_t bin = 1; bin < edges.size(); ++bin) {
    const double right = left + share(q[bin], m) - share(p[bin], n);
    area += area_between(left, right, edges[bin] - edges[bin - 1]);
    left = right;
  }
  return area / std::sqrt(variance);
}

}  // namespace argosy
