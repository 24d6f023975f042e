#include "common/stats/spending.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "common/stats/tails.hpp"

namespace argosy {

namespace {

constexpr std::size_t fraction_limit = 100;
constexpr double least_to_spend = 1e-12;
constexpr double reach_in_sigmas = 8.5;  // what lies further out has no weight
constexpr double steps_a_sigma = 8;  // of the narrower of the kernels before and after: Simpson's error is then 1e-7
constexpr double steps_over_whole = 64;  // at least

double normal_density(double z) {
  return std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
}

// The part of the score S = Z sqrt(t), a Brownian motion with drift, that was never too high: its mass at equal steps.
class NeverTooHigh {
 public:
  explicit NeverTooHigh(double drift) : drift_(drift) {}

  // From the last look, of which what is at most `z_before` is kept, to the next.
  void advance(double fraction, double z_before) {
    const double sigma = std::sqrt(fraction - fraction_);
    if (fraction_ > 0) keep_under(z_before, sigma);
    sigma_ = sigma;
    fraction_ = fraction;
  }

  // P(never too high before, and Z over z now), and its negative derivative.
  double over(double z) const {
    return sum_around(z, [](double sigmas) { return normal_tail(sigmas); });
  }
  double density(double z) const { return sum_around(z, normal_density) * std::sqrt(fraction_) / sigma_; }

 private:
  void keep_under(double z, double next_sigma) {
    const double root = std::sqrt(fraction_);
    const double low = root * (drift_ * root - reach_in_sigmas);
    const double high = root * std::min(z, drift_ * root + reach_in_sigmas);
    std::vector<double> mass;
    double step = 0;
    if (high > low) {
      const double widest = std::min({sigma_, next_sigma}) / steps_a_sigma;
      const double pairs = std::ceil(std::max(steps_over_whole, (high - low) / widest) / 2);
      step = (high - low) / (2 * pairs);
      mass = masses(low, step, static_cast<std::size_t>(2 * pairs) + 1);
    }
    low_ = low;
    step_ = step;
    mass_ = std::move(mass);
    has_begun_ = true;
  }

  // Simpson's weights times the density.
  std::vector<double> masses(double low, double step, std::size_t points) const {
    std::vector<double> mass(points);
    const double root = std::sqrt(fraction_);
    for (std::size_t i = 0; i < points; ++i) {
      const bool is_end = i == 0 || i + 1 == points;
      const double weight = is_end ? 1 : (i % 2 == 1 ? 4 : 2);
      mass[i] = weight * step / 3 * density((low + step * static_cast<double>(i)) / root) / root;
    }
    return mass;
  }

  // Sum of mass times what the function gives of the distance from where a point drifts to z.
  template <class Function>
  double sum_around(double z, Function function) const {
    const double level = z * std::sqrt(fraction_) - drift_ * sigma_ * sigma_;
    if (!has_begun_) return function(level / sigma_);
    double sum = 0;
    for (std::size_t i = first_within(level); i < mass_.size(); ++i) {
      const double sigmas = (level - low_ - step_ * static_cast<double>(i)) / sigma_;
      if (sigmas < -reach_in_sigmas && function(sigmas) < 1e-15) break;
      sum += mass_[i] * function(sigmas);
    }
    return sum;
  }

  // Points further below the level than the motion goes add nothing.
  std::size_t first_within(double level) const {
    const double below = (level - low_ - 2 * reach_in_sigmas * sigma_) / step_;
    return below > 0 ? static_cast<std::size_t>(below) : 0;
  }

  double drift_;
  double fraction_ = 0;
  double sigma_ = 0;
  bool has_begun_ = false;
  double low_ = 0;
  double step_ = 1;
  std::vector<double> mass_;
};

// z with `never.over(z)` = p. ln over(z) is concave, and normal_point(p) lies beyond the root: Newton's steps never
// cross it.
double boundary_of(const NeverTooHigh& never, double p) {
  double z = normal_point(p);
  for (int i = 0; i < 50; ++i) {
    const double over = never.over(z);
    const double step = over * std::log(p / over) / never.density(z);
    z -= step;
    if (std::abs(step) < 1e-10) break;
  }
  return z;
}

Result<void> check_schedule(double alpha, std::span<const double> fractions) {
  if (!(alpha > 0 && alpha <= 0.5))
    return make_error(Errc::invalid_argument, "alpha must be over 0 and at most 0.5, not " + std::to_string(alpha));
  if (fractions.empty() || fractions.size() > fraction_limit)
    return make_error(Errc::invalid_argument, "1 to 100 looks are possible, not " + std::to_string(fractions.size()));
  double before = 0;
  for (const double fraction : fractions) {
    if (!(fraction > before && fraction <= 1))
      return make_error(Errc::invalid_argument, "looks must ascend to at most 1, but " + std::to_string(fraction) +
                                                    " comes after " + std::to_string(before));
    before = fraction;
  }
  return {};
}

}  // namespace

double alpha_spent(SpendingType type, double alpha, double fraction) {
  if (!(fraction > 0)) return 0;
  if (fraction >= 1) return alpha;
  if (type == SpendingType::pocock) return alpha * std::log1p((std::numbers::e - 1) * fraction);
  return 2 * normal_tail(normal_point(alpha / 2) / std::sqrt(fraction));
}

Result<std::vector<LookBoundary>> spending_boundaries(SpendingType type, double alpha,
                                                      std::span<const double> fractions) {
  ARGOSY_CHECK(check_schedule(alpha, fractions));
  std::vector<LookBoundary> boundaries;
  boundaries.reserve(fractions.size());
  NeverTooHigh never(0);
  double spent = 0;
  for (const double fraction : fractions) {
    never.advance(fraction, boundaries.empty() ? 0 : boundaries.back().z);
    const double to_spend = alpha_spent(type, alpha, fraction) - spent;
    const bool spends = to_spend >= least_to_spend;
    const double z = spends ? boundary_of(never, to_spend) : std::numeric_limits<double>::infinity();
    if (spends) spent += to_spend;
    boundaries.push_back({fraction, spent, z, normal_tail(z)});
  }
  return boundaries;
}

std::vector<double> crossing_probabilities(std::span<const LookBoundary> boundaries, double drift) {
  std::vector<double> probabilities;
  probabilities.reserve(boundaries.size());
  NeverTooHigh never(drift);
  double z_before = 0;
  for (const auto& boundary : boundaries) {
    never.advance(boundary.fraction, z_before);
    probabilities.push_back(std::isinf(boundary.z) ? 0 : never.over(boundary.z));
    z_before = boundary.z;
  }
  return probabilities;
}

}  // namespace argosy
