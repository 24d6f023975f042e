#include "common/stats/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace argosy {

namespace {

std::size_t bin_of(double confidence) {
  const auto bin = static_cast<std::size_t>(confidence * static_cast<double>(calibration_bins));
  return std::min(bin, calibration_bins - 1);
}

double middle_of(std::size_t bin) {
  return (static_cast<double>(bin) + 0.5) / static_cast<double>(calibration_bins);
}

struct Pool {
  double right = 0;
  double answers = 0;
  std::size_t bins = 0;
  double chance() const { return right / answers; }
};

}  // namespace

void CalibrationCounts::add(double confidence, bool is_right) {
  if (!(confidence >= 0 && confidence <= 1)) return;
  ++answers[bin_of(confidence)];
  if (is_right) ++right[bin_of(confidence)];
}

std::uint64_t CalibrationCounts::total() const {
  return std::accumulate(answers.begin(), answers.end(), std::uint64_t{0});
}

double confidence_of(std::span<const float> scores) {
  if (scores.empty()) return std::nan("");
  constexpr double rounding = 1e-3;
  const double highest = *std::max_element(scores.begin(), scores.end());
  const double sum = std::accumulate(scores.begin(), scores.end(), 0.0);
  const bool are_probabilities = std::abs(sum - 1) <= rounding && *std::min_element(scores.begin(), scores.end()) >= 0;
  if (are_probabilities) return std::min(highest, 1.0);
  return 1 / std::accumulate(scores.begin(), scores.end(), 0.0, [highest](double total, float score) {
           return total + std::exp(double{score} - highest);
         });
}

// One answer in each bin that was right as often as its confidence says, beside those of the data set.
Calibration::Calibration(const CalibrationCounts& counts) {
  std::vector<Pool> pools;
  for (std::size_t bin = 0; bin < calibration_bins; ++bin) {
    const auto answers = static_cast<double>(counts.answers[bin]);
    const auto right = static_cast<double>(std::min(counts.right[bin], counts.answers[bin]));
    pools.push_back({right + middle_of(bin), answers + 1, 1});
    while (pools.size() > 1 && pools[pools.size() - 2].chance() > pools.back().chance()) {
      const Pool last = pools.back();
      pools.pop_back();
      pools.back().right += last.right;
      pools.back().answers += last.answers;
      pools.back().bins += last.bins;
    }
  }
  auto* next = chances_.data();
  for (const Pool& pool : pools) next = std::fill_n(next, pool.bins, pool.chance());
}

double Calibration::chance(double confidence) const {
  return chances_[bin_of(std::clamp(confidence, 0.0, 1.0))];
}

}  // namespace argosy
