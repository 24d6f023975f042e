#include "common/stats/paired_effect.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "common/base/random.hpp"

namespace argosy {

namespace {

constexpr std::uint64_t few_devices = 10;
constexpr double heavy_tails = 6;  // kurtosis; 3 is normal

std::vector<double> finite_of(std::span<const double> values) {
  std::vector<double> finite;
  std::copy_if(values.begin(), values.end(), std::back_inserter(finite),
               [](double value) { return std::isfinite(value); });
  return finite;
}

// Sums of the same numbers in another order differ in their last digits, and are equal here.
double slack_for(const std::vector<double>& values) {
  double size = 0;
  for (const double value : values) size += std::abs(value);
  return size * 1e-12;
}

double sum_with_signs(const std::vector<double>& values, std::uint64_t signs) {
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) sum += (signs >> i & 1U) != 0 ? -values[i] : values[i];
  return sum;
}

void turn_all_ways(SignFlipTest& test, const std::vector<double>& values, double bar) {
  const std::uint64_t ways = std::uint64_t{1} << values.size();
  for (std::uint64_t signs = 0; signs < ways; ++signs) test.as_large += sum_with_signs(values, signs) >= bar ? 1 : 0;
  test.draws = static_cast<std::uint32_t>(ways);
  test.p = static_cast<double>(test.as_large) / static_cast<double>(ways);
}

double sum_with_drawn_signs(const std::vector<double>& values, Rng& rng) {
  double sum = 0;
  std::uint64_t signs = 0;
  for (std::size_t i = 0; i < values.size(); ++i, signs >>= 1) {
    if (i % 64 == 0) signs = rng();
    sum += (signs & 1U) != 0 ? -values[i] : values[i];
  }
  return sum;
}

void turn_some_ways(SignFlipTest& test, const std::vector<double>& values, double bar, const PermutationPlan& plan) {
  Rng rng(plan.seed);
  while (test.draws < plan.most_draws) {
    ++test.draws;
    test.as_large += sum_with_drawn_signs(values, rng) >= bar ? 1 : 0;
    if (plan.enough > 0 && test.as_large >= plan.enough) {
      test.p = static_cast<double>(test.as_large) / test.draws;
      return;
    }
  }
  test.p = (test.as_large + 1.0) / (test.draws + 1.0);
}

}  // namespace

Result<StratifiedEffect> paired_effect(std::span<const double> differences, double least_sigma) {
  RunningMoments moments;
  for (const double value : finite_of(differences)) moments.add(value);
  if (moments.n < 2)
    return make_error(Errc::unavailable, moments.n == 0 ? "no device has a figure yet"
                                                        : "one device has no spread: a second one is needed");
  StratifiedEffect effect;
  effect.theta = moments.mean;
  effect.canaries = moments.n;
  effect.freedom = static_cast<double>(moments.n - 1);
  const double variance = std::max(*moments.variance(), least_sigma * least_sigma);
  effect.se_canary = std::sqrt(variance / static_cast<double>(moments.n));
  return effect;
}

bool wants_sign_flips(std::span<const double> differences) {
  const std::vector<double> values = finite_of(differences);
  if (values.size() < few_devices) return true;
  RunningMoments moments;
  for (const double value : values) moments.add(value);
  double fourth_powers = 0;
  for (const double value : values) fourth_powers += std::pow(value - moments.mean, 4);
  return static_cast<double>(moments.n) * fourth_powers > heavy_tails * moments.squares * moments.squares;
}

double least_sign_flip_p(std::uint64_t devices) {
  return std::pow(0.5, static_cast<double>(devices));
}

Result<SignFlipTest> sign_flip_test(std::span<const double> differences, double margin, const PermutationPlan& plan) {
  std::vector<double> values = finite_of(differences);
  if (values.empty()) return make_error(Errc::unavailable, "no device has a figure yet");
  for (double& value : values) value -= margin;
  double seen = 0;
  for (const double value : values) seen += value;
  const double bar = seen - slack_for(values);
  SignFlipTest test{.least_p = least_sign_flip_p(values.size())};
  test.is_exact = std::pow(2.0, static_cast<double>(values.size())) <= plan.exact_up_to;
  if (test.is_exact)
    turn_all_ways(test, values, bar);
  else
    turn_some_ways(test, values, bar, plan);
  return test;
}

}  // namespace argosy
