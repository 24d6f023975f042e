// One timer of Asio's for any number of those that a TimerQueue holds. On the I/O thread; nothing is called after
// stop().
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "tests/bench/fleet_load/timer_queue.hpp"

namespace argosy::fleet_load {

inline std::int64_t steady_us() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
}
inline std::int64_t us_of(double seconds) {
  return static_cast<std::int64_t>(seconds * 1e6);
}

template <class Kind>
class AlarmClock {
 public:
  using Timer = typename TimerQueue<Kind>::Timer;

  AlarmClock(boost::asio::io_context& io, std::function<void(const Timer&)> due) : due_(std::move(due)), timer_(io) {}

  void at(std::int64_t at_us, Kind kind, std::size_t index = 0) {
    queue_.add(at_us, kind, static_cast<std::uint32_t>(index));
    wait();
  }
  void after(double seconds, Kind kind, std::size_t index = 0) { at(steady_us() + us_of(seconds), kind, index); }
  void stop() {
    is_stopped_ = true;
    timer_.cancel();
  }

 private:
  static constexpr std::int64_t grain_us = 1000;  // what is due within it goes together

  void wait() {
    const auto next = queue_.next_at();
    if (!next || is_stopped_) return;
    const std::int64_t at_us = std::max(*next, steady_us() + grain_us);
    if (set_to_us_ > 0 && set_to_us_ <= at_us) return;
    set_to_us_ = at_us;
    timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::microseconds(at_us)));
    timer_.async_wait([this](boost::system::error_code cancelled) {
      if (!cancelled) ring();
    });
  }
  void ring() {
    set_to_us_ = 0;
    const std::int64_t now_us = steady_us();
    while (!is_stopped_) {
      const auto timer = queue_.take_due(now_us);
      if (!timer) break;
      due_(*timer);
    }
    wait();
  }

  std::function<void(const Timer&)> due_;
  TimerQueue<Kind> queue_;
  boost::asio::steady_timer timer_;
  std::int64_t set_to_us_ = 0;
  bool is_stopped_ = false;
};

}  // namespace argosy::fleet_load
