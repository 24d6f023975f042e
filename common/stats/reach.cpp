#include "common/stats/reach.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "common/stats/looks.hpp"
#include "common/stats/stratified_effect.hpp"
#include "common/stats/tails.hpp"

namespace argosy {

namespace {

constexpr double unreachable = std::numeric_limits<double>::infinity();

std::uint64_t sum_of(std::span<const std::uint64_t> numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), std::uint64_t{0});
}

// Webster's next one: the class whose devices over its canaries and a half are most.
StratumSize& next_class(std::vector<StratumSize>& strata) {
  const auto claim = [](const StratumSize& stratum) {
    if (stratum.canaries == stratum.devices) return -1.0;
    return static_cast<double>(stratum.devices) / (static_cast<double>(stratum.canaries) + 0.5);
  };
  return *std::max_element(strata.begin(), strata.end(),
                           [&](const auto& a, const auto& b) { return claim(a) < claim(b); });
}

// Standard error and degrees of freedom that the test would have if every D had the standard deviation 1.
Result<StratifiedEffect> effect_of_unit_spread(std::span<const StratumSize> strata) {
  const auto unit = [](std::uint64_t n) {
    return RunningMoments{.n = n, .mean = 0, .squares = n > 0 ? static_cast<double>(n - 1) : 0};
  };
  StratifiedSums sums;
  std::uint32_t stratum = 0;
  for (const auto& size : strata) {
    sums.add(stratum, Arm::canary, unit(size.canaries));
    sums.add(stratum, Arm::control, unit(size.devices - std::min(size.devices, size.canaries)));
    ++stratum;
  }
  return stratified_effect(sums);
}

double power_with(const StratifiedEffect& unit, double sigma, double excess, double alpha) {
  if (sigma <= 0) return excess > 0 ? 1 : 0;
  return noncentral_student_tail(student_point(alpha, unit.freedom), unit.freedom, excess / (sigma * unit.se()));
}

double excess_seen(const StratifiedEffect& unit, double sigma, double power, double alpha) {
  double low = 0;
  double high = sigma * unit.se() * (student_point(alpha, unit.freedom) + 1);
  for (int i = 0; power_with(unit, sigma, high, alpha) < power; ++i) {
    if (i == 60) return unreachable;
    low = high;
    high *= 2;
  }
  while (high - low > 1e-7 * high) {
    const double middle = (low + high) / 2;
    (power_with(unit, sigma, middle, alpha) < power ? low : high) = middle;
  }
  return high;
}

bool sees(std::span<const StratumSize> strata, const ChangeSpread& spread, std::uint64_t windows, double excess,
          double power, double alpha) {
  const auto unit = effect_of_unit_spread(strata);
  if (!unit) return false;
  for (int look = looks_due(windows); look >= 1; --look) {
    const double sigma = sigma_of_change(spread, windows_at_look(look));
    if (power_with(*unit, sigma, excess, alpha_of_look(alpha, look)) >= power) return true;
  }
  return false;
}

// The fewest canaries from `least` to half of the fleet that suffice, when more of them suffice, too.
template <class Suffices>
std::optional<std::uint64_t> fewest(std::span<const std::uint64_t> devices_of_class, std::uint64_t least,
                                    Suffices suffices) {
  std::uint64_t enough = sum_of(devices_of_class) / 2;
  if (enough < least || !suffices(dealt_canaries(devices_of_class, enough))) return std::nullopt;
  std::uint64_t too_few = least - 1;
  while (enough - too_few > 1) {
    const std::uint64_t middle = too_few + (enough - too_few) / 2;
    (suffices(dealt_canaries(devices_of_class, middle)) ? enough : too_few) = middle;
  }
  return enough;
}

}  // namespace

std::vector<StratumSize> dealt_canaries(std::span<const std::uint64_t> devices_of_class, std::uint64_t canaries) {
  const std::uint64_t all = sum_of(devices_of_class);
  const std::uint64_t to_deal = std::min(canaries, all);
  std::vector<StratumSize> strata;
  strata.reserve(devices_of_class.size());
  std::uint64_t dealt = 0;
  // Each class is sure of its quota but for one a class; the rest is dealt one by one.
  for (const auto devices : devices_of_class) {
    const double quota = static_cast<double>(devices) * static_cast<double>(to_deal) /
                         static_cast<double>(std::max<std::uint64_t>(all, 1));
    const double sure = std::max(0.0, std::floor(quota) - static_cast<double>(devices_of_class.size()));
    strata.push_back({devices, static_cast<std::uint64_t>(sure)});
    dealt += strata.back().canaries;
  }
  for (; dealt < to_deal; ++dealt) ++next_class(strata).canaries;
  return strata;
}

double alpha_of_guard(double alpha, double weight, double sum_of_weights) {
  return alpha * weight / sum_of_weights;
}

PermutationReach permutation_reach(std::span<const StratumSize> strata, double alpha) {
  PermutationReach reach{.least_p = least_permutation_p(strata)};
  while (reach.looks < look_limit && rejects(reach.least_p, alpha_of_look(alpha, reach.looks + 1))) ++reach.looks;
  return reach;
}

std::optional<std::uint64_t> least_canary(std::span<const std::uint64_t> devices_of_class, double alpha, int look) {
  return fewest(devices_of_class, 1, [&](const std::vector<StratumSize>& strata) {
    return rejects(least_permutation_p(strata), alpha_of_look(alpha, look));
  });
}

double sigma_of_change(const ChangeSpread& spread, std::uint64_t windows) {
  const double independent =
      std::max(1.0, static_cast<double>(windows) / std::max(1.0, spread.windows_that_count_as_one));
  return std::hypot(spread.device, spread.window / std::sqrt(independent));
}

double power_of(std::span<const StratumSize> strata, double sigma, double excess, double alpha) {
  const auto unit = effect_of_unit_spread(strata);
  return unit ? power_with(*unit, sigma, excess, alpha) : std::numeric_limits<double>::quiet_NaN();
}

double visible_excess(std::span<const StratumSize> strata, double sigma, double power, double alpha) {
  const auto unit = effect_of_unit_spread(strata);
  return unit ? excess_seen(*unit, sigma, power, alpha) : unreachable;
}

VisibleHarm visible_within(std::span<const StratumSize> strata, const ChangeSpread& spread, std::uint64_t windows,
                           double power, double alpha) {
  VisibleHarm visible{.excess = unreachable};
  const auto unit = effect_of_unit_spread(strata);
  if (!unit) return visible;
  for (int look = 1; look <= looks_due(windows); ++look) {
    const double sigma = sigma_of_change(spread, windows_at_look(look));
    const double excess = excess_seen(*unit, sigma, power, alpha_of_look(alpha, look));
    if (excess < visible.excess) visible = {excess, look};
  }
  return visible;
}

std::optional<std::uint64_t> canaries_to_see(std::span<const std::uint64_t> devices_of_class,
                                             const ChangeSpread& spread, std::uint64_t windows, double excess,
                                             double power, double alpha) {
  const auto suffices = [&](const std::vector<StratumSize>& strata) {
    return sees(strata, spread, windows, excess, power, alpha);
  };
  // Two canaries can see less than one, which borrows the controls' spread; from some dozens on more see more.
  constexpr std::uint64_t one_by_one = 64;
  const std::uint64_t half = sum_of(devices_of_class) / 2;
  for (std::uint64_t canaries = 1; canaries <= std::min(one_by_one, half); ++canaries)
    if (suffices(dealt_canaries(devices_of_class, canaries))) return canaries;
  return fewest(devices_of_class, one_by_one + 1, suffices);
}

}  // namespace argosy
