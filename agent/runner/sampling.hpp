// Which samples of a data set are tried next: all of them in their order, as devices have it, or, where a bound is set,
// as many as it allows in an order drawn at random, so that those that were tried speak for all. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace argosy::agent {

// When whoever waits wants an answer: never, unless it is said.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;
  Deadline() = default;
  explicit Deadline(Clock::time_point at) : at_(at) {}
  bool is_set() const { return at_.has_value(); }
  bool is_past() const { return at_ && Clock::now() >= *at_; }

 private:
  std::optional<Clock::time_point> at_;
};

struct SamplingBound {
  Deadline deadline = {};
  std::optional<std::size_t> most = {};  // samples
  std::uint64_t seed = 1;                // of the order
  bool is_set() const { return deadline.is_set() || most; }
};

class Sampling {
 public:
  Sampling(std::size_t samples, const SamplingBound& bound);

  // The next ones, at most so many; none when the bound is reached. The first are given whatever the time, so that
  // there is always something to tell. Valid until the next call.
  std::span<const std::size_t> next(std::size_t at_most);

 private:
  std::size_t end_, given_ = 0;
  Deadline deadline_;
  std::vector<std::size_t> drawn_;  // the order; empty: as they come
  std::vector<std::size_t> next_;
};

}  // namespace argosy::agent
