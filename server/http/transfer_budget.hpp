// How long one body may take on its way, by what has come or gone of it so far: some grace at the start, and then a
// least rate over the whole of it. A byte now and then does not buy more time. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace argosy::server {

class TransferBudget {
 public:
  using Clock = std::chrono::steady_clock;
  struct Limits {
    std::chrono::milliseconds grace{60'000};  // what a stalled link may take once
    std::uint64_t bytes_per_s = 1024;         // over the whole body: half of what GPRS carries
  };
  TransferBudget(Limits limits, Clock::time_point start) : limits_(limits), start_(start) {}

  void add(std::uint64_t bytes) { bytes_ += bytes; }
  // The peer has failed when the next piece is not through by then.
  Clock::time_point deadline() const {
    const std::uint64_t seconds = std::min(bytes_ / limits_.bytes_per_s, most_seconds);
    const std::uint64_t rest = bytes_ % limits_.bytes_per_s * 1000 / limits_.bytes_per_s;
    return start_ + limits_.grace + std::chrono::seconds(seconds) + std::chrono::milliseconds(rest);
  }

 private:
  static constexpr std::uint64_t most_seconds = 10ULL * 366 * 86'400;  // a clock of nanoseconds holds 292 years

  Limits limits_;
  Clock::time_point start_;
  std::uint64_t bytes_ = 0;
};

}  // namespace argosy::server
