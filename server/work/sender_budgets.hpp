// What each sender may send: a token bucket of messages and one of bytes, refilled by time. Knows no domain word. Pure:
// `now` is given; not for several threads at once. Bounded: a sender whose buckets are full again is forgotten.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace argosy::server {

class SenderBudgets {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Limits {
    double messages_per_s = 20;
    double messages_burst = 200;
    double bytes_per_s = 512 << 10;
    double bytes_burst = 8 << 20;
    std::size_t senders = 100'000;  // over it the one that has been silent longest is forgotten, with what it owes
  };
  SenderBudgets() : SenderBudgets(Limits()) {}
  explicit SenderBudgets(Limits limits) : limits_(limits) {}

  // Whether the sender may send this now; what it may not, costs it nothing.
  bool spend(std::string_view sender, std::size_t bytes, Time now);
  std::size_t senders() const { return by_name_.size(); }

 private:
  struct Buckets {
    std::string sender;
    double messages = 0;
    double bytes = 0;
    Time at{};
  };
  using Order = std::list<Buckets>;  // the one that sent last in front
  Buckets& buckets_of(std::string_view sender, Time now);
  void refill(Buckets& buckets, Time now) const;
  bool is_full(Buckets& buckets, Time now) const;
  void forget_last();

  Limits limits_;
  Order order_;
  std::unordered_map<std::string_view, Order::iterator> by_name_;  // views of the names in `order_`
};

}  // namespace argosy::server
