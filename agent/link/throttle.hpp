// A token bucket: at most so many bytes a second, shared by all who take from it. Pure: steady time is passed in.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace argosy::agent {

class Throttle {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // 0: no limit. Up to a quarter of a second's bytes may be taken at once.
  explicit Throttle(std::uint64_t bytes_per_s) : rate_(static_cast<double>(bytes_per_s)) {}

  bool is_limited() const { return rate_ > 0; }
  // So many bytes have come in: how long to wait before the next are asked for.
  std::chrono::nanoseconds take(std::uint64_t bytes, Time now) {
    if (!is_limited()) return {};
    const double elapsed_s = std::chrono::duration<double>(std::max(now - last_, Time::duration::zero())).count();
    last_ = now;
    level_ = std::min(rate_ * burst_s, level_ + elapsed_s * rate_) - static_cast<double>(bytes);
    if (level_ >= 0) return {};
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(-level_ / rate_));
  }
  // The most that should come in at once, so that nobody waits for long, and `most` at most.
  std::size_t burst_bytes(std::size_t most) const {
    return is_limited() ? static_cast<std::size_t>(std::clamp(rate_ * burst_s, 1.0, static_cast<double>(most))) : most;
  }

 private:
  static constexpr double burst_s = 0.25;
  double rate_;
  double level_ = 0;
  Time last_{};
};

}  // namespace argosy::agent
