#include "agent/runner/agreement.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace argosy::agent {
namespace {

constexpr double single_tolerance = 0.01;  // of the largest magnitude

std::size_t highest(std::span<const double> scores) {
  return static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

}  // namespace

void Agreement::add(std::span<const double> exact, std::span<const double> other) {
  ++samples_;
  double furthest = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double difference = std::abs(exact[i] - other[i]);
    furthest = std::isnan(difference) ? std::numeric_limits<double>::infinity() : std::max(furthest, difference);
    if (std::isfinite(exact[i])) largest_score_ = std::max(largest_score_, std::abs(exact[i]));
  }
  max_difference_ = std::max(max_difference_, furthest);
  if (exact.size() == 1) return single_differences_.push_back(furthest);
  predictions_.insert(highest(exact));
  if (std::isfinite(furthest) && highest(exact) == highest(other)) ++same_class_;
}

double Agreement::share() const {
  if (samples_ == 0) return 0;
  const auto near = std::count_if(single_differences_.begin(), single_differences_.end(),
                                  [&](double difference) { return difference <= single_tolerance * largest_score_; });
  return (static_cast<double>(same_class_) + static_cast<double>(near)) / static_cast<double>(samples_);
}

}  // namespace argosy::agent
