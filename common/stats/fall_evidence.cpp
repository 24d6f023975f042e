#include "common/stats/fall_evidence.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace argosy {

namespace {

constexpr double most_likeness = 0.5;
constexpr double least_error = 0.005;  // the spread of a share of 1 is not known from hours without an error
constexpr double most_evidence = 1e100;
constexpr double hours_of_share = 10;    // a share that has fallen for good is no spread
constexpr double labels_that_tell = 50;  // of one hour, of how hours differ
constexpr double labels_of_believed = 20;
constexpr double least_limit = 0.01;
constexpr double largest_ln = 200;

double fallen_share(double limit, double odds) {
  const double error_odds = odds * (1 - limit) / limit;
  return 1 / (1 + error_odds);
}

// An odd hour is no fall, unless it is so odd that nobody has to see another.
double ln_of_hour(const FallTuning& tuning, double ln_ratio) {
  const double beyond_doubt = std::max(0.0, ln_ratio - tuning.ln_beyond_doubt);
  return std::min({ln_ratio, tuning.most_ln_an_hour + beyond_doubt, largest_ln});
}

}  // namespace

void HourLikeness::learn(const FallTuning& tuning, std::uint64_t right, std::uint64_t labels) {
  if (labels == 0) return;
  const auto n = static_cast<double>(labels);
  const double share = static_cast<double>(right) / n;
  if (labels > 1 && state_.share_weight > 0) {
    const double usual = state_.share / state_.share_weight;
    const double spread_of_one = std::max(usual * (1 - usual), least_error);
    const double deviation = share - usual;
    const double of_hour = (deviation * deviation * n / spread_of_one - 1) / (n - 1);
    const double weight = std::pow(std::min(n, labels_that_tell), 2);
    const double kept = 1 - 1 / tuning.hours_remembered;
    state_.likeness = kept * state_.likeness + weight * std::clamp(of_hour, -1.0, 1.0);
    state_.likeness_weight = kept * state_.likeness_weight + weight;
  }
  const double kept = 1 - 1 / hours_of_share;
  const double weight = std::min(n, labels_that_tell);
  state_.share = kept * state_.share + weight * share;
  state_.share_weight = kept * state_.share_weight + weight;
}

double HourLikeness::value(const FallTuning& tuning) const {
  const double believed = tuning.hours_believed * labels_of_believed * labels_of_believed;
  const double likeness = (state_.likeness + believed * tuning.likeness) / (state_.likeness_weight + believed);
  return std::clamp(tuning.persistence * likeness, tuning.likeness, most_likeness);
}

double effective_labels(std::uint64_t labels, double hours, double likeness) {
  const auto n = static_cast<double>(labels);
  const double of_an_hour = std::max(1.0, n / std::max(1.0, hours));
  return n / (1 + (of_an_hour - 1) * likeness);
}

std::array<double, FallEvidence::odds_of_errors.size()> FallEvidence::sums_now(const FallTuning& tuning,
                                                                               double limit) const {
  auto sums = state_.sums;
  if (state_.labels == 0) return sums;
  const double each = effective_labels(state_.labels, 1, likeness(tuning)) / static_cast<double>(state_.labels);
  const double right = each * static_cast<double>(state_.right);
  const double wrong = each * static_cast<double>(state_.labels - state_.right);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double fallen = fallen_share(limit, odds_of_errors[i]);
    const double ln_ratio = right * std::log(fallen / limit) + wrong * std::log((1 - fallen) / (1 - limit));
    sums[i] = std::min(most_evidence, (1 + sums[i]) * std::exp(ln_of_hour(tuning, ln_ratio)));
  }
  return sums;
}

void FallEvidence::add(const FallTuning& tuning, double limit, Instant at, std::uint64_t right, std::uint64_t labels) {
  if (labels == 0) return;
  const bool is_over = state_.labels > 0 && at - state_.hour_began >= tuning.labels_depend_for;
  if (is_over) {
    state_.sums = sums_now(tuning, std::clamp(limit, least_limit, 1 - least_limit));
    HourLikeness likeness(state_.likeness);
    likeness.learn(tuning, state_.right, state_.labels);
    state_.likeness = likeness.state();
    state_.labels = state_.right = 0;
  }
  if (state_.labels == 0) state_.hour_began = at;
  state_.labels += labels;
  state_.right += std::min(right, labels);
}

double FallEvidence::hours(const FallTuning& tuning, double limit) const {
  const auto sums = sums_now(tuning, std::clamp(limit, least_limit, 1 - least_limit));
  return std::accumulate(sums.begin(), sums.end(), 0.0) / static_cast<double>(sums.size());
}

void FallEvidence::forget_falls() {
  state_.sums = {};
  state_.labels = state_.right = 0;
}

}  // namespace argosy
