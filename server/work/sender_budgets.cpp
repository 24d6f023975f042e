#include "server/work/sender_budgets.hpp"

#include <algorithm>

namespace argosy::server {

bool SenderBudgets::spend(std::string_view sender, std::size_t bytes, Time now) {
  Buckets& buckets = buckets_of(sender, now);
  const auto size = static_cast<double>(bytes);
  if (buckets.messages < 1 || buckets.bytes < size) return false;
  buckets.messages -= 1;
  buckets.bytes -= size;
  return true;
}

SenderBudgets::Buckets& SenderBudgets::buckets_of(std::string_view sender, Time now) {
  const auto found = by_name_.find(sender);
  if (found != by_name_.end()) {
    order_.splice(order_.begin(), order_, found->second);
    refill(order_.front(), now);
    return order_.front();
  }
  // Two a message, so that those who are silent go faster than others come.
  for (int looked_at = 0; looked_at < 2 && !order_.empty() && is_full(order_.back(), now); ++looked_at) forget_last();
  if (order_.size() >= limits_.senders) forget_last();
  order_.push_front({std::string(sender), limits_.messages_burst, limits_.bytes_burst, now});
  by_name_.emplace(order_.front().sender, order_.begin());
  return order_.front();
}

void SenderBudgets::refill(Buckets& buckets, Time now) const {
  const double seconds = std::max(0.0, std::chrono::duration<double>(now - buckets.at).count());
  buckets.messages = std::min(limits_.messages_burst, buckets.messages + seconds * limits_.messages_per_s);
  buckets.bytes = std::min(limits_.bytes_burst, buckets.bytes + seconds * limits_.bytes_per_s);
  buckets.at = now;
}

bool SenderBudgets::is_full(Buckets& buckets, Time now) const {
  refill(buckets, now);
  return buckets.messages >= limits_.messages_burst && buckets.bytes >= limits_.bytes_burst;
}

void SenderBudgets::forget_last() {
  by_name_.erase(order_.back().sender);
  order_.pop_back();
}

}  // namespace argosy::server
