#include "common/stats/tails.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include <boost/math/distributions/non_central_t.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/gamma.hpp>

namespace argosy {

namespace {

namespace bm = boost::math;

// NaN and infinity instead of exceptions; no detour by long double, which some processors only emulate.
using Plain =
    bm::policies::policy<bm::policies::promote_double<false>, bm::policies::domain_error<bm::policies::ignore_error>,
                         bm::policies::pole_error<bm::policies::ignore_error>,
                         bm::policies::overflow_error<bm::policies::ignore_error>,
                         bm::policies::evaluation_error<bm::policies::ignore_error>>;

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
constexpr double farthest_shift = 35;  // beyond, the series of the noncentral t needs too many terms
constexpr double smallest_tail = 1e-280;

bool is_share(double p) {
  return p > 0 && p < 1;
}

// The part of the incomplete beta function behind its factor, I_x(a, b) = x^a (1-x)^b / (a B(a, b)) * this, for x under
// the mean. Source: NIST Digital Library of Mathematical Functions, 8.17.22, summed as W. J. Lentz, Appl. Opt. 15,
// 1976.
double beta_fraction(double x, double a, double b) {
  constexpr double tiny = 1e-300;
  const auto unless_zero = [](double value) { return std::abs(value) < tiny ? tiny : value; };
  double c = 1;
  double d = 1 / unless_zero(1 - (a + b) * x / (a + 1));
  double value = d;
  for (int m = 1; m <= 10000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / unless_zero(1 + even * d);
    c = unless_zero(1 + even / c);
    value *= c * d;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / unless_zero(1 + odd * d);
    c = unless_zero(1 + odd / c);
    value *= c * d;
    if (std::abs(c * d - 1) < 1e-15) break;
  }
  return value;
}

// P((Z + shift) / S > t) as the mean over Z of P(S < (Z + shift) / t), S^2 chi-squared over its degrees of freedom.
// Equal steps over a normal density are exact to all digits.
double far_shifted_tail(double t, double freedom, double shift) {
  if (t <= 0) return shift > 0 ? 1 : 1 - far_shifted_tail(-t, freedom, -shift);
  constexpr double step = 0.25;
  constexpr double end = 8.5;
  const double scale = step / std::sqrt(2 * std::numbers::pi);
  double sum = 0;
  for (double z = -end; z <= end; z += step) {
    const double s = (z + shift) / t;
    if (s > 0) sum += scale * std::exp(-z * z / 2) * bm::gamma_p(freedom / 2, freedom / 2 * s * s, Plain());
  }
  return std::min(1.0, sum);
}

}  // namespace

double normal_tail(double z) {
  return std::erfc(z / std::sqrt(2.0)) / 2;
}

double normal_point(double p) {
  if (!is_share(p)) return nothing;
  return bm::quantile(bm::complement(bm::normal_distribution<double, Plain>(), p));
}

double student_tail(double t, double freedom) {
  if (std::isnan(t) || !(freedom > 0)) return nothing;
  if (std::isinf(t)) return t > 0 ? 0 : 1;
  if (std::isinf(freedom)) return normal_tail(t);
  return bm::cdf(bm::complement(bm::students_t_distribution<double, Plain>(freedom), t));
}

double student_point(double p, double freedom) {
  if (!is_share(p) || !(freedom > 0)) return nothing;
  if (std::isinf(freedom)) return normal_point(p);
  return bm::quantile(bm::complement(bm::students_t_distribution<double, Plain>(freedom), p));
}

double noncentral_student_tail(double t, double freedom, double shift) {
  if (std::isnan(t) || std::isnan(shift) || !(freedom > 0)) return nothing;
  if (std::isinf(freedom)) return normal_tail(t - shift);
  if (std::abs(shift) > farthest_shift) return far_shifted_tail(t, freedom, shift);
  return bm::cdf(bm::complement(bm::non_central_t_distribution<double, Plain>(freedom, shift), t));
}

double ln_gamma(double a) {
  return bm::lgamma(a, Plain());
}

double ln_lower_gamma(double a, double x) {
  if (!(a > 0) || !(x > 0)) return nothing;
  return std::log(bm::gamma_p(a, x, Plain()));
}

double ln_beta(double a, double b) {
  return ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
}

double ln_choose(double n, double k) {
  return ln_gamma(n + 1) - ln_gamma(k + 1) - ln_gamma(n - k + 1);
}

double ln_beta_tail(double x, double a, double b) {
  if (!(a > 0) || !(b > 0) || std::isnan(x)) return nothing;
  if (x <= 0) return 0;
  if (x >= 1) return -std::numeric_limits<double>::infinity();
  const double tail = bm::ibetac(a, b, x, Plain());
  if (tail > smallest_tail) return std::log(tail);
  return a * std::log(x) + b * std::log1p(-x) - std::log(b) - ln_beta(a, b) + std::log(beta_fraction(1 - x, b, a));
}

}  // namespace argosy
