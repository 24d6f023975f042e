#include "common/delta/residual_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace argosy::tensor {

namespace {

// About what one symbol's frequency takes in the packed tables, and a table's contexts.
constexpr double bits_per_table_entry = 7;
constexpr double bits_per_table = 40;

double bits_with_table(const Counts& counts) {
  const auto used = std::count_if(counts.begin(), counts.end(), [](std::uint32_t count) { return count != 0; });
  return entropy_bits(counts) + bits_per_table + bits_per_table_entry * static_cast<double>(used);
}

Counts sum(const Counts& a, const Counts& b) {
  Counts both;
  std::transform(a.begin(), a.end(), b.begin(), both.begin(), std::plus<>());
  return both;
}

// Joins the two clusters that save most by it; false when no pair saves more than `least`.
bool join_best_pair(std::vector<Cluster>& clusters, double least) {
  std::size_t best_a = 0, best_b = 0;
  double best_saving = least;
  bool found = false;
  for (std::size_t a = 0; a < clusters.size(); ++a)
    for (std::size_t b = a + 1; b < clusters.size(); ++b) {
      const double saving =
          clusters[a].bits + clusters[b].bits - bits_with_table(sum(clusters[a].counts, clusters[b].counts));
      if (saving <= best_saving) continue;
      best_saving = saving;
      best_a = a;
      best_b = b;
      found = true;
    }
  if (!found) return false;
  Cluster& into = clusters[best_a];
  into.counts = sum(into.counts, clusters[best_b].counts);
  into.bits = bits_with_table(into.counts);
  into.contexts.insert(into.contexts.end(), clusters[best_b].contexts.begin(), clusters[best_b].contexts.end());
  clusters.erase(clusters.begin() + static_cast<std::ptrdiff_t>(best_b));
  return true;
}

// Frequencies in 4096ths, in proportion and none under one: rounded, then the most frequent ones pay the difference.
rans::Frequencies normalise(const Counts& counts) {
  const double total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
  rans::Frequencies frequencies{};
  int left = rans::scale;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    frequencies[i] = static_cast<std::uint16_t>(std::clamp(std::lround(counts[i] / total * rans::scale), 1L, 4096L));
    left -= frequencies[i];
  }
  while (left != 0) {
    const auto largest = std::max_element(frequencies.begin(), frequencies.end());
    const int step = left > 0 ? left : std::max(left, -std::max(1, *largest / 8));
    *largest = static_cast<std::uint16_t>(*largest + step);
    left -= step;
  }
  return frequencies;
}

}  // namespace

double entropy_bits(const Counts& counts) {
  double total = 0, bits = 0;
  for (const std::uint32_t count : counts) {
    if (count == 0) continue;
    total += count;
    bits -= count * std::log2(static_cast<double>(count));
  }
  return total > 0 ? bits + total * std::log2(total) : 0;
}

void Statistics::clear() {
  for (const std::size_t family : used_families()) {
    const auto first = counts_.begin() + static_cast<std::ptrdiff_t>(family * residual::contexts);
    std::fill(first, first + residual::contexts, Counts{});
  }
  used_.fill(false);
}

std::vector<std::size_t> Statistics::used_families() const {
  std::vector<std::size_t> families;
  for (std::size_t family = 0; family < used_.size(); ++family)
    if (used_[family]) families.push_back(family);
  return families;
}

double Statistics::bits(std::size_t family) const {
  double bits = 0;
  for (int context = 0; context < residual::contexts; ++context)
    bits += entropy_bits(counts_[family * residual::contexts + static_cast<std::size_t>(context)]);
  return bits;
}

double Statistics::distinct(std::size_t family) const {
  const auto first = counts_.begin() + static_cast<std::ptrdiff_t>(family * residual::contexts);
  return std::accumulate(first, first + residual::contexts, 0.0, [](double sum, const Counts& counts) {
    return sum + static_cast<double>(counts.size()) -
           static_cast<double>(std::count(counts.begin(), counts.end(), std::uint32_t{0}));
  });
}

std::vector<Cluster> Statistics::used_contexts(std::size_t family) const {
  std::vector<Cluster> clusters;
  for (std::size_t context = 0; context < residual::contexts; ++context) {
    const Counts& counts = counts_[family * residual::contexts + context];
    if (std::all_of(counts.begin(), counts.end(), [](std::uint32_t count) { return count == 0; })) continue;
    clusters.push_back({{context}, counts, bits_with_table(counts)});
  }
  return clusters;
}

Models Statistics::models() const {
  Models models;
  std::array<std::vector<Cluster>, residual::families> found;
  for (std::size_t family = 0; family < residual::families; ++family) {
    found[family] = used_contexts(family);
    while (join_best_pair(found[family], 0)) {
    }
  }
  const auto used = std::count_if(found.begin(), found.end(), [](const auto& clusters) { return !clusters.empty(); });
  const std::size_t most = used == 0 ? 0 : max_tables / static_cast<std::size_t>(used);
  for (std::size_t family = 0; family < residual::families; ++family) {
    std::vector<Cluster>& clusters = found[family];
    while (clusters.size() > most && join_best_pair(clusters, std::numeric_limits<double>::lowest())) {
    }
    for (const Cluster& cluster : clusters) {
      for (const std::size_t context : cluster.contexts)
        models.table_of[family][context] = static_cast<std::uint8_t>(models.tables.size());
      models.tables.push_back(normalise(cluster.counts));
    }
  }
  return models;
}

}  // namespace argosy::tensor
