#include "common/stats/histogram_sum.hpp"

#include <algorithm>

namespace argosy {

namespace {

std::uint64_t added(std::uint64_t a, std::uint64_t b) {
  return std::min(LogHistogram::count_limit, a + std::min(b, LogHistogram::count_limit));
}

}  // namespace

// Makes room for these buckets.
void HistogramSum::reach(int first, int last) {
  if (counts_.empty()) first_ = first;
  if (first < first_) {
    counts_.insert(counts_.begin(), static_cast<std::size_t>(first_ - first), 0);
    first_ = first;
  }
  const auto wanted = static_cast<std::size_t>(last - first_ + 1);
  if (wanted > counts_.size()) counts_.resize(wanted);
}

void HistogramSum::add(const LogHistogram& histogram) {
  zeros_ = added(zeros_, histogram.zeros_);
  const auto& buckets = histogram.buckets_;
  if (buckets.empty()) return;
  reach(buckets.front().first, buckets.back().first);
  for (const auto& [index, count] : buckets) {
    auto& mine = counts_[static_cast<std::size_t>(index - first_)];
    mine = added(mine, count);
  }
}

void HistogramSum::add(const HistogramSum& other) {
  zeros_ = added(zeros_, other.zeros_);
  if (other.counts_.empty()) return;
  reach(other.first_, other.first_ + static_cast<int>(other.counts_.size()) - 1);
  const auto offset = static_cast<std::size_t>(other.first_ - first_);
  for (std::size_t at = 0; at < other.counts_.size(); ++at)
    counts_[offset + at] = added(counts_[offset + at], other.counts_[at]);
}

LogHistogram HistogramSum::total() const {
  LogHistogram total;
  total.zeros_ = total.count_ = zeros_;
  for (std::size_t at = 0; at < counts_.size(); ++at) {
    if (counts_[at] == 0) continue;
    total.buckets_.emplace_back(first_ + static_cast<int>(at), counts_[at]);
    total.count_ = added(total.count_, counts_[at]);
  }
  return total;
}

}  // namespace argosy
