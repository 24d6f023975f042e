// What is due when: so many timers that each cannot be one of Asio's. Pure; one owner. What is no longer wanted stays
// in until its time, and its owner passes it over.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <vector>

namespace argosy::fleet_load {

template <class Kind>
class TimerQueue {
 public:
  struct Timer {
    std::int64_t at_us = 0;
    Kind kind{};
    std::uint32_t index = 0;
    friend bool operator>(const Timer& a, const Timer& b) { return a.at_us > b.at_us; }
  };

  void add(std::int64_t at_us, Kind kind, std::uint32_t index) { timers_.push({at_us, kind, index}); }
  std::optional<std::int64_t> next_at() const {
    if (timers_.empty()) return std::nullopt;
    return timers_.top().at_us;
  }
  std::optional<Timer> take_due(std::int64_t now_us) {
    if (timers_.empty() || timers_.top().at_us > now_us) return std::nullopt;
    const Timer timer = timers_.top();
    timers_.pop();
    return timer;
  }

 private:
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
};

}  // namespace argosy::fleet_load
