// State documents that wait to be stored: the newest of each device, as bytes. Those that may be at fault wait aside,
// and come one at a time when no others are there. Pure; on the I/O thread. Bounded in bytes, and aside in number as
// well.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/instant.hpp"
#include "common/crypto/digest.hpp"

namespace argosy::server {

struct WaitingState {
  std::string device;
  std::string document;
  Digest digest;
  bool retained = false;
  bool alone = false;
  Instant due{};  // of one that waits aside
};

class StateQueue {
 public:
  struct Limits {
    std::size_t bytes = std::size_t{64} << 20;
    std::size_t aside = 2'000;
    std::size_t batch = 500;
    std::size_t batch_bytes = std::size_t{8} << 20;
  };
  StateQueue() : StateQueue(Limits()) {}
  explicit StateQueue(Limits limits) : limits_(limits) {}

  // Takes the place of an older one of the same device; false when there is no room.
  bool put(WaitingState state);
  // One that was taken and must be tried again: unless a newer one has come meanwhile.
  bool put_back(WaitingState state);
  // Those to be stored together now, in the order of their names from where the last ones ended; without any, one that
  // waited aside and is due.
  std::vector<WaitingState> take(Instant now);
  std::optional<Instant> next_due();  // of those aside
  bool empty() const { return waiting_.empty() && aside_.empty(); }
  std::size_t bytes() const { return bytes_; }
  std::size_t size() const { return waiting_.size() + aside_.size(); }

 private:
  using ByDevice = std::map<std::string, WaitingState, std::less<>>;
  ByDevice::iterator first_due();
  void remove(const std::string& device);
  WaitingState extract(ByDevice& from, ByDevice::iterator one);

  Limits limits_;
  ByDevice waiting_;
  ByDevice aside_;
  std::size_t bytes_ = 0;
  std::string last_;  // the device at which the last batch ended
};

}  // namespace argosy::server
