// How many events a device may cause by what it reports: a burst that the updates of several models fit in, then one a
// minute. Called on DB threads; bounded by SenderBudgets' limit of senders.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "server/work/sender_budgets.hpp"

namespace argosy::server {

class EventAllowance {
 public:
  EventAllowance() : EventAllowance(200, 1.0 / 60) {}
  EventAllowance(double burst, double per_s)
      : budgets_({.messages_per_s = per_s, .messages_burst = burst, .bytes_per_s = 1, .bytes_burst = 1}) {}

  bool spend(const std::string& device, SenderBudgets::Time now) {
    const std::lock_guard lock(mutex_);
    if (budgets_.spend(device, 0, now)) return true;
    if (over_.size() < told_at_once) over_.insert(device);
    return false;
  }
  // Devices that wanted more since the last call; at most 256 are remembered.
  std::vector<std::string> take_those_over() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> devices(over_.begin(), over_.end());
    over_.clear();
    return devices;
  }

 private:
  static constexpr std::size_t told_at_once = 256;
  std::mutex mutex_;
  SenderBudgets budgets_;
  std::set<std::string> over_;
};

}  // namespace argosy::server
