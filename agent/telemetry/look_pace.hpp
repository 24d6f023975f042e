// When to look into the observation socket next. A socket that is watched wakes the agent for each datagram, and it is
// the sender who pays for that: some 10 microseconds of a call that else takes 2. So while observations come in quickly
// nobody watches, and the socket's queue is emptied in time. Pure; one owner.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

namespace argosy::agent {

class LookPace {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::microseconds longest_rest{20'000};
  static constexpr std::chrono::microseconds shortest_rest{1'000};
  static constexpr std::size_t smallest_queue = 100;  // a smaller one has no room for what comes in a rest

  // `queue`: how many datagrams the socket holds.
  explicit LookPace(std::size_t queue) : queue_(queue) {}

  // After a look that took `taken` datagrams: how long to rest before the next; none: watch the socket.
  std::optional<std::chrono::microseconds> after(std::size_t taken, Clock::time_point now);

 private:
  std::size_t queue_;
  std::optional<Clock::time_point> last_look_;
};

}  // namespace argosy::agent
