#include "server/telemetry/query/ranking.hpp"

#include <algorithm>
#include <utility>

namespace argosy::server {

bool Ranking::comes_before(const RankedDevice& one, const RankedDevice& another) const {
  if (one.value != another.value)
    return worse_ == Worse::higher ? one.value > another.value : one.value < another.value;
  return one.device < another.device;
}

void Ranking::add(const MeasuredDevice& device) {
  const Measured& measured = device.steps.front();
  const auto value = measured.value(metric_);
  if (!value) return;
  ++measured_;
  if (measured.n < least_samples_) {
    ++with_too_few_;
    return;
  }
  RankedDevice ranked{device.device,           *value, measured.n, measured.bounds(metric_), measured.later,
                      measured.delays_s.mean()};
  const auto place = std::upper_bound(
      worst_.begin(), worst_.end(), ranked,
      [this](const RankedDevice& one, const RankedDevice& another) { return comes_before(one, another); });
  if (place == worst_.end() && worst_.size() >= most_) return;
  worst_.insert(place, std::move(ranked));
  if (worst_.size() > most_) worst_.pop_back();
}

}  // namespace argosy::server
