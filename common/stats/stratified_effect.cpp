#include "common/stats/stratified_effect.hpp"

#include <algorithm>
#include <cmath>

#include "common/stats/tails.hpp"

namespace argosy {

namespace {

double squared(double value) {
  return value * value;
}

double freedom_of(const RunningMoments& moments) {
  return moments.n > 1 ? static_cast<double>(moments.n - 1) : 0;
}

// Squared deviations over degrees of freedom, from as many devices as have company in their class.
struct PooledVariance {
  double squares = 0;
  double freedom = 0;

  void add(const RunningMoments& moments) {
    squares += moments.squares;
    freedom += freedom_of(moments);
  }
  double value() const { return freedom > 0 ? squares / freedom : 0; }
};

struct ClassPair {
  const RunningMoments& canary;
  const RunningMoments& control;
  double weight = 0;
};

// A sum of independent estimates of variance, and the degrees of freedom that Satterthwaite gives it; of nothing but
// zeros, all there are.
class VarianceSum {
 public:
  void add(double part, double freedom) {
    sum_ += part;
    spread_ += squared(part) / freedom;
    freedom_ += freedom;
  }
  double freedom() const { return spread_ > 0 ? squared(sum_) / spread_ : freedom_; }

 private:
  double sum_ = 0;
  double spread_ = 0;
  double freedom_ = 0;
};

std::vector<ClassPair> comparable_classes(const StratifiedSums& sums, StratifiedEffect& effect) {
  std::vector<ClassPair> pairs;
  pairs.reserve(sums.strata());
  for (std::uint32_t stratum = 0; stratum < sums.strata(); ++stratum) {
    const auto& canary = sums.of(stratum, Arm::canary);
    const auto& control = sums.of(stratum, Arm::control);
    if (canary.n == 0) continue;
    if (control.n == 0) {
      effect.without_control += canary.n;
      continue;
    }
    effect.canaries += canary.n;
    effect.controls += control.n;
    pairs.push_back({canary, control, static_cast<double>(canary.n)});
  }
  for (auto& pair : pairs) pair.weight /= static_cast<double>(effect.canaries);
  return pairs;
}

Error nothing_to_compare(const StratifiedEffect& effect) {
  if (effect.without_control > 0)
    return make_error(Errc::unavailable, "no control device is of the class of any of the " +
                                             std::to_string(effect.without_control) + " canary devices");
  return make_error(Errc::unavailable, "no canary device has a figure yet");
}

// What the squared standard error owes to each arm's variance, as factors of it.
struct VarianceShares {
  double canary = 0;
  double lonely_controls = 0;  // those that are alone in their class
};

VarianceShares shares_of(const std::vector<ClassPair>& pairs) {
  VarianceShares shares;
  for (const auto& pair : pairs) {
    shares.canary += squared(pair.weight) / static_cast<double>(pair.canary.n);
    if (pair.control.n == 1) shares.lonely_controls += squared(pair.weight);
  }
  return shares;
}

// No class has two controls: the canary's spread stands for theirs.
void set_spread_of_canary(StratifiedEffect& effect, const VarianceShares& shares, double variance, double freedom) {
  effect.se_canary = std::sqrt(shares.canary * variance);
  effect.se_control = std::sqrt(shares.lonely_controls * variance);
  effect.freedom = freedom;
}

// The controls' own spread class by class, and their pooled one where a class, or the canary, has none.
void set_spread(StratifiedEffect& effect, const std::vector<ClassPair>& pairs, const VarianceShares& shares,
                const PooledVariance& canary, const PooledVariance& control, double least) {
  const double pooled = std::max(control.value(), least);
  const bool has_canary_spread = canary.freedom > 0;
  const double of_canary = shares.canary * (has_canary_spread ? std::max(canary.value(), least) : pooled);
  double of_controls = shares.lonely_controls * pooled;
  VarianceSum all;
  if (has_canary_spread) all.add(of_canary, canary.freedom);
  const double borrowed = shares.lonely_controls + (has_canary_spread ? 0 : shares.canary);
  for (const auto& pair : pairs) {
    const double freedom = freedom_of(pair.control);
    if (freedom == 0) continue;
    const double variance = std::max(pair.control.squares / freedom, least);
    const double own = squared(pair.weight) / static_cast<double>(pair.control.n);
    of_controls += own * variance;
    all.add((own + borrowed * freedom / control.freedom) * variance, freedom);
  }
  effect.se_canary = std::sqrt(of_canary);
  effect.se_control = std::sqrt(of_controls);
  effect.freedom = all.freedom();
}

// `canary` is the spread of the canary's devices: of these classes, or from elsewhere.
Result<StratifiedEffect> effect_of(const std::vector<ClassPair>& pairs, StratifiedEffect effect,
                                   const PooledVariance& canary, double least_sigma) {
  PooledVariance control;
  for (const auto& pair : pairs) {
    control.add(pair.control);
    effect.theta += pair.weight * (pair.canary.mean - pair.control.mean);
  }
  if (canary.freedom == 0 && control.freedom == 0)
    return make_error(Errc::unavailable, "one device of each arm has no spread: a second one is needed in some class");
  effect.has_borrowed_variance = canary.freedom == 0 || control.freedom == 0;
  const double least = squared(least_sigma);
  const auto shares = shares_of(pairs);
  if (control.freedom == 0)
    set_spread_of_canary(effect, shares, std::max(canary.value(), least), canary.freedom);
  else
    set_spread(effect, pairs, shares, canary, control, least);
  return effect;
}

}  // namespace

void RunningMoments::add(double value) {
  ++n;
  const double step = value - mean;
  mean += step / static_cast<double>(n);
  squares += step * (value - mean);
}

void RunningMoments::merge(const RunningMoments& other) {
  if (other.n == 0) return;
  const auto all = static_cast<double>(n + other.n);
  const auto mine = static_cast<double>(n);
  const auto theirs = static_cast<double>(other.n);
  const double step = other.mean - mean;
  squares += other.squares + step * step * mine * theirs / all;
  mean += step * theirs / all;
  n += other.n;
}

std::optional<double> RunningMoments::variance() const {
  if (n < 2) return std::nullopt;
  return squares / static_cast<double>(n - 1);
}

void StratifiedSums::add(std::uint32_t stratum, Arm arm, double harm) {
  if (!std::isfinite(harm) || stratum >= stratum_limit) {
    ++left_out_;
    return;
  }
  if (stratum >= sums_.size()) sums_.resize(stratum + std::size_t{1});
  sums_[stratum][static_cast<std::size_t>(arm)].add(harm);
}

void StratifiedSums::add(std::uint32_t stratum, Arm arm, const RunningMoments& harms) {
  if (stratum >= stratum_limit) {
    left_out_ += harms.n;
    return;
  }
  if (stratum >= sums_.size()) sums_.resize(stratum + std::size_t{1});
  sums_[stratum][static_cast<std::size_t>(arm)].merge(harms);
}

void StratifiedSums::merge(const StratifiedSums& other) {
  if (other.sums_.size() > sums_.size()) sums_.resize(other.sums_.size());
  for (std::size_t i = 0; i < other.sums_.size(); ++i)
    for (std::size_t arm = 0; arm < 2; ++arm) sums_[i][arm].merge(other.sums_[i][arm]);
  left_out_ += other.left_out_;
}

const RunningMoments& StratifiedSums::of(std::uint32_t stratum, Arm arm) const {
  return sums_[stratum][static_cast<std::size_t>(arm)];
}

StratifiedSums sums_of(std::span<const DeviceRow> rows, WorseWhen worse) {
  StratifiedSums sums;
  for (const auto& row : rows) sums.add(row.stratum, row.arm, harm_of(row, worse));
  return sums;
}

double StratifiedEffect::se() const {
  return std::hypot(se_canary, se_control);
}

Result<StratifiedEffect> stratified_effect(const StratifiedSums& sums, double least_sigma) {
  StratifiedEffect effect;
  const auto pairs = comparable_classes(sums, effect);
  if (pairs.empty()) return nothing_to_compare(effect);
  PooledVariance canary;
  for (const auto& pair : pairs) canary.add(pair.canary);
  return effect_of(pairs, effect, canary, least_sigma);
}

Result<StratifiedEffect> effect_in(const StratifiedSums& sums, std::uint32_t stratum, double least_sigma) {
  StratifiedEffect effect;
  if (stratum >= sums.strata()) return nothing_to_compare(effect);
  const auto& own = sums.of(stratum, Arm::canary);
  const auto& control = sums.of(stratum, Arm::control);
  if (control.n == 0) effect.without_control = own.n;
  if (own.n == 0 || control.n == 0) return nothing_to_compare(effect);
  effect.canaries = own.n;
  effect.controls = control.n;
  PooledVariance canary;
  canary.add(own);
  for (std::uint32_t other = 0; own.n == 1 && other < sums.strata(); ++other) canary.add(sums.of(other, Arm::canary));
  return effect_of({{own, control, 1.0}}, effect, canary, least_sigma);
}

bool wants_permutation(const StratifiedSums& sums, std::span<const DeviceRow> rows, WorseWhen worse) {
  constexpr std::uint64_t few_canaries = 10;
  constexpr double heavy_kurtosis = 6;
  std::uint64_t canaries = 0;
  for (std::uint32_t stratum = 0; stratum < sums.strata(); ++stratum) canaries += sums.of(stratum, Arm::canary).n;
  if (canaries < few_canaries) return true;
  double count = 0;
  double squares = 0;
  double fourth_powers = 0;
  for (const auto& row : rows) {
    const double harm = harm_of(row, worse);
    if (!std::isfinite(harm) || row.stratum >= sums.strata()) continue;
    const double square = squared(harm - sums.of(row.stratum, row.arm).mean);
    ++count;
    squares += square;
    fourth_powers += squared(square);
  }
  return count * fourth_powers > heavy_kurtosis * squared(squares);
}

OneSidedBounds bounds_of(const StratifiedEffect& effect, double alpha) {
  const double half = effect.se() > 0 ? student_point(alpha, effect.freedom) * effect.se() : 0;
  return {effect.theta - half, effect.theta + half};
}

double p_value_over(const StratifiedEffect& effect, double margin) {
  const double distance = effect.theta - margin;
  if (effect.se() <= 0) return distance > 0 ? 0 : 1;
  return student_tail(distance / effect.se(), effect.freedom);
}

}  // namespace argosy
