// Tests for drift as they are often used, each on one feature of one device, for comparison. Small and plain.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <vector>

#include "common/stats/bins.hpp"
#include "common/stats/drift.hpp"

namespace argosy::server {

using UsualCounts = std::vector<std::uint64_t>;

// Two samples, asymptotic, at 5 %, on histograms.
inline bool ks_differs(const UsualCounts& reference, const UsualCounts& present) {
  const auto n = static_cast<double>(total_of(reference));
  const auto m = static_cast<double>(total_of(present));
  return kolmogorov_smirnov(reference, present) > 1.358 * std::sqrt((n + m) / (n * m));
}

// Two samples over the bins in use, at 5 %; the point of chi-squared by Wilson and Hilferty.
inline bool chi_square_differs(const UsualCounts& reference, const UsualCounts& present) {
  const auto n = static_cast<double>(total_of(reference));
  const auto m = static_cast<double>(total_of(present));
  double sum = 0;
  int used = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const auto r = static_cast<double>(reference[i]);
    const auto s = static_cast<double>(present[i]);
    if (r + s == 0) continue;
    ++used;
    const double difference = std::sqrt(m / n) * r - std::sqrt(n / m) * s;
    sum += difference * difference / (r + s);
  }
  if (used < 2) return false;
  const double freedom = used - 1;
  const double root = 1 - 2 / (9 * freedom) + 1.645 * std::sqrt(2 / (9 * freedom));
  return sum > freedom * root * root * root;
}

// Page and Hinkley's test both ways, on values scaled to their first day; with the figures that libraries start with.
class PageHinkley {
 public:
  bool add(double value) {
    mean_ += (value - mean_) / static_cast<double>(++count_);
    up_ = std::max(0.0, 0.9999 * up_ + value - mean_ - 0.005);
    down_ = std::max(0.0, 0.9999 * down_ - value + mean_ - 0.005);
    if (count_ < 30 || std::max(up_, down_) <= 50) return false;
    *this = PageHinkley{};
    return true;
  }

 private:
  double mean_ = 0, up_ = 0, down_ = 0;
  std::uint64_t count_ = 0;
};

// ADWIN (A. Bifet, R. Gavalda, SDM 2007) with delta 0.002 over values in 0..1, in buckets of an hour, the newest 200.
class Adwin {
 public:
  bool add(double value) {
    if (buckets_.empty() || buckets_.back().count >= 60) buckets_.push_back({});
    Bucket& newest = buckets_.back();
    newest.count += 1;
    newest.sum += value;
    newest.squares += value * value;
    if (newest.count < 60) return false;
    if (buckets_.size() > 200) buckets_.pop_front();
    return cut();
  }

 private:
  struct Bucket {
    double count = 0, sum = 0, squares = 0;
  };
  bool cut() {
    Bucket all;
    for (const auto& bucket : buckets_) {
      all.count += bucket.count;
      all.sum += bucket.sum;
      all.squares += bucket.squares;
    }
    const double mean = all.sum / all.count;
    const double variance = all.squares / all.count - mean * mean;
    const double ln = std::log(2 * std::log(all.count) / 0.002);
    Bucket old;
    for (std::size_t i = 0; i + 1 < buckets_.size(); ++i) {
      old.count += buckets_[i].count;
      old.sum += buckets_[i].sum;
      const double rest = all.count - old.count;
      const double m = 1 / (1 / old.count + 1 / rest);
      const double bound = std::sqrt(2 / m * variance * ln) + 2 / (3 * m) * ln;
      if (std::abs(old.sum / old.count - (all.sum - old.sum) / rest) > bound) {
        buckets_.erase(buckets_.begin(), buckets_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        return true;
      }
    }
    return false;
  }
  std::deque<Bucket> buckets_;
};

}  // namespace argosy::server
