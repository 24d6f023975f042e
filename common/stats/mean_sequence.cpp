#include "common/stats/mean_sequence.hpp"

#include <algorithm>
#include <cmath>

#include "common/stats/tails.hpp"

namespace argosy {

namespace {

// The mixture's parameter that makes the boundary nearly smallest at the tuned variance.
double rho_of(const SequenceTuning& tuning) {
  const double doubled = -2 * std::log(2 * std::min(tuning.alpha, 0.499));
  return tuning.variance / (doubled + std::log1p(doubled));
}

// ln of the mixture at a sum of deviations `s` and variance `v`: the gamma-exponential mixture with scale 1.
double ln_mixture(double s, double v, double rho) {
  const double shape = v + rho;
  const double ln_constant = rho * std::log(rho) - ln_gamma(rho) - ln_lower_gamma(rho, rho);
  return ln_constant + ln_gamma(shape) + ln_lower_gamma(shape, s + shape) - shape * std::log(s + shape) + s + v;
}

}  // namespace

double mixture_boundary(double variance, double alpha, const SequenceTuning& tuning) {
  const double rho = rho_of(tuning);
  const double enough = -std::log(alpha);
  double low = 0;
  double high = 1 + variance;
  while (ln_mixture(high, variance, rho) < enough) {
    low = high;
    high *= 2;
  }
  while (high - low > 1e-12 * high) {
    const double middle = (low + high) / 2;
    (ln_mixture(middle, variance, rho) < enough ? low : high) = middle;
  }
  return high;
}

void MeanSequence::add(double value) {
  if (std::isnan(value)) return;
  const double x = std::clamp(value, 0.0, 1.0);
  const double expected = expected_next();
  squared_deviations_ += (x - expected) * (x - expected);
  sum_ += x;
  ++count_;
}

// All are compared with the mean before them: their sum of squared deviations is then one product.
void MeanSequence::add_labels(std::uint64_t right, std::uint64_t labels) {
  const auto ones = static_cast<double>(std::min(right, labels));
  const auto zeros = static_cast<double>(labels) - ones;
  const double expected = expected_next();
  squared_deviations_ += ones * (1 - expected) * (1 - expected) + zeros * expected * expected;
  sum_ += ones;
  count_ += labels;
}

double MeanSequence::expected_next() const {
  return (sum_ + 0.5) / (static_cast<double>(count_) + 1);
}

double MeanSequence::mean() const {
  return count_ == 0 ? 0.5 : sum_ / static_cast<double>(count_);
}

double MeanSequence::lower(double alpha, const SequenceTuning& tuning) const {
  if (count_ == 0) return 0;
  const double half = mixture_boundary(squared_deviations_, alpha, tuning) / static_cast<double>(count_);
  return std::max(0.0, mean() - half);
}

double MeanSequence::upper(double alpha, const SequenceTuning& tuning) const {
  if (count_ == 0) return 1;
  const double half = mixture_boundary(squared_deviations_, alpha, tuning) / static_cast<double>(count_);
  return std::min(1.0, mean() + half);
}

double MeanSequence::ln_evidence_over(double limit, const SequenceTuning& tuning) const {
  const double over = sum_ - limit * static_cast<double>(count_);
  const double rho = rho_of(tuning);
  // Far below the limit the formula leaves its range, and the evidence is none.
  if (over + squared_deviations_ + rho <= 0) return -HUGE_VAL;
  return ln_mixture(over, squared_deviations_, rho);
}

OneSidedBounds harm_between(const MeanSequence& canary, const MeanSequence& control, WorseWhen worse, double alpha,
                            const SequenceTuning& tuning) {
  const bool is_worse_when_higher = worse == WorseWhen::higher;
  const auto& more = is_worse_when_higher ? canary : control;
  const auto& less = is_worse_when_higher ? control : canary;
  return {more.lower(alpha / 2, tuning) - less.upper(alpha / 2, tuning),
          more.upper(alpha / 2, tuning) - less.lower(alpha / 2, tuning)};
}

}  // namespace argosy
