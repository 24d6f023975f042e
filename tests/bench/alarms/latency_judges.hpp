// Who judges latency in the benches: the rule as it is, and one that does not know the hour, for comparison.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "server/alerts/alert.hpp"

namespace argosy::server {

inline constexpr std::size_t windows_remembered = 10;

// The rule as it is.
class JudgedByHour {
 public:
  bool fires(const LatencyWindow& window) {
    recent_.push_back(window);
    if (recent_.size() > windows_remembered) recent_.erase(recent_.begin());
    state_ = judge_latency(rule_, baseline_, state_, recent_).state;
    return state_ == AlertState::firing;
  }

 private:
  LatencyRule rule_;
  LatencyBaseline baseline_;
  std::vector<LatencyWindow> recent_;
  AlertState state_ = AlertState::ok;
};

// The same numbers over one mean of all hours.
class JudgedBlind {
 public:
  bool fires(const LatencyWindow& window) {
    recent_.push_back(window.p95_ms);
    if (recent_.size() > windows_remembered) recent_.erase(recent_.begin());
    const double usual_ms = std::exp(ln_mean_);
    const bool knows = windows_ >= 10;
    const auto over = [&](double factor, std::size_t newest) {
      const auto first = recent_.end() - static_cast<std::ptrdiff_t>(std::min(newest, recent_.size()));
      return std::count_if(first, recent_.end(), [&](double p95_ms) { return p95_ms >= factor * usual_ms; });
    };
    if (firing_) {
      firing_ = over(1.5, windows_remembered) > 0;
    } else if (knows && over(2, 3) >= 2) {
      firing_ = true;
    } else if (!knows || over(2, 3) == 0) {
      ++windows_;
      ln_mean_ += (std::log(window.p95_ms) - ln_mean_) / static_cast<double>(windows_);
    }
    return firing_;
  }

 private:
  std::vector<double> recent_;
  double ln_mean_ = 0;
  int windows_ = 0;
  bool firing_ = false;
};

}  // namespace argosy::server
