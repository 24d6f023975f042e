#include "common/stats/reference.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "common/stats/bins.hpp"

namespace argosy {

namespace {

constexpr double near_spans = 0.5;  // over the range by so many times its width
constexpr double far_spans = 3.5;
constexpr double shrunk_share = 0.02;  // of the largest value: where values of another scale would lie

double next_after(double value) {
  return std::nextafter(value, std::numeric_limits<double>::infinity());
}

// How far around a value its own bin reaches, where no other value says so: values that passed through 32 bits are it.
double around(double value) {
  return std::max(std::abs(value) * 1e-6, 1e-9);
}

void add_single_values(const std::vector<double>& distinct, std::vector<double>& edges) {
  edges.push_back(distinct.front() - around(distinct.front()));
  for (std::size_t i = 1; i < distinct.size(); ++i) edges.push_back(distinct[i - 1] / 2 + distinct[i] / 2);
  edges.push_back(distinct.back() + around(distinct.back()));
}

void add_quantiles(const std::vector<double>& sorted, std::vector<double>& edges) {
  for (std::size_t i = 0; i < quantile_bins; ++i) {
    const double edge = sorted[i * sorted.size() / quantile_bins];
    if (edges.empty() || edge > edges.back()) {
      edges.push_back(edge);
    } else if (edge == edges.back()) {
      edges.push_back(next_after(edges.back()));  // more than a bin's share is this one value
    }
  }
  const double end = next_after(sorted.back());
  if (end > edges.back()) edges.push_back(end);
}

// Empty bins around what was seen.
void add_guards(double least, double most, std::vector<double>& edges) {
  const double span = std::max(most - least, around(std::max(std::abs(least), std::abs(most))));
  for (const double times : {near_spans, far_spans}) {
    edges.push_back(least - times * span);
    edges.push_back(most + times * span);
  }
  const double tiny = std::max(span * 1e-9, std::numeric_limits<double>::min());
  edges.push_back(-tiny);
  edges.push_back(tiny);
  if (least >= 0 && most > 0) edges.push_back(most * shrunk_share);
}

}  // namespace

std::optional<std::string> fault_of_reference(std::span<const std::uint64_t> counts) {
  const auto numbers = counts.first(counts.empty() ? 0 : counts.size() - 1);
  const auto samples = total_of(numbers);
  if (samples == 0) return "has no samples: give the counts of a sample of the training data";
  const auto filled =
      static_cast<std::size_t>(std::count_if(numbers.begin(), numbers.end(), [](auto count) { return count > 0; }));
  const auto needed = samples_needed(filled);
  if (samples >= needed) return std::nullopt;
  return "has " + std::to_string(samples) + " samples in " + std::to_string(filled) + " bins, and needs " +
         std::to_string(needed) + ": give a larger sample" + (filled > 3 ? ", or fewer bins" : "");
}

Result<ReferenceBins> reference_of(std::span<const double> values) {
  std::vector<double> sorted;
  std::copy_if(values.begin(), values.end(), std::back_inserter(sorted), [](double v) { return std::isfinite(v); });
  if (sorted.empty()) return make_error(Errc::invalid_argument, "has no number in it");
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> distinct;
  std::unique_copy(sorted.begin(), sorted.end(), std::back_inserter(distinct));
  const bool is_single = distinct.size() <= most_single_values;
  const auto needed = samples_needed(is_single ? distinct.size() : quantile_bins);
  if (sorted.size() < needed)
    return make_error(Errc::invalid_argument, "has " + std::to_string(sorted.size()) + " samples, and needs " +
                                                  std::to_string(needed) + ": give a larger sample");
  ReferenceBins reference;
  if (is_single) {
    add_single_values(distinct, reference.edges);
  } else {
    add_quantiles(sorted, reference.edges);
  }
  add_guards(sorted.front(), sorted.back(), reference.edges);
  std::erase_if(reference.edges, [](double edge) { return !std::isfinite(edge); });
  std::sort(reference.edges.begin(), reference.edges.end());
  reference.edges.erase(std::unique(reference.edges.begin(), reference.edges.end()), reference.edges.end());
  BinCounts bins(reference.edges);
  for (const double value : values) bins.add(value);
  reference.counts = bins.counts();
  return reference;
}

}  // namespace argosy
