// The simulation's only clock: things happen in order of time, and of planning at equal times, so a seed repeats a run.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <tuple>
#include <utility>
#include <vector>

#include "common/base/instant.hpp"

namespace argosy::sim {

class Scheduler {
 public:
  explicit Scheduler(Instant start) : now_(start) {}

  Instant now() const { return now_; }

  void in(Duration delay, std::function<void()> action) { queue_.push({now_ + delay, ++planned_, std::move(action)}); }

  // Runs everything that is due up to `end`, which becomes now.
  void run_until(Instant end) {
    while (!queue_.empty() && queue_.top().at <= end) {
      auto next = queue_.top();
      queue_.pop();
      now_ = next.at;
      ++happened_;
      next.action();
    }
    now_ = end;
  }

  std::uint64_t happened() const { return happened_; }

 private:
  struct Planned {
    Instant at{};
    std::uint64_t order = 0;
    std::function<void()> action;
    bool operator<(const Planned& other) const {
      return std::tie(at, order) > std::tie(other.at, other.order);  // the earliest on top
    }
  };

  Instant now_;
  std::uint64_t planned_ = 0;
  std::uint64_t happened_ = 0;
  std::priority_queue<Planned> queue_;
};

}  // namespace argosy::sim
