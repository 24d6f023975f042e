// What the audit log says of failed sign-ins: the first of each account and address at once, the others of the same
// minute as one number, so that a flood does not grow the table. Pure.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/instant.hpp"

namespace argosy::server {

class FailedLogins {
 public:
  struct Options {
    Duration window{60'000};
    std::size_t keys = 100;  // a window; what exceeds it is one number for all
  };
  FailedLogins() : FailedLogins(Options{}) {}
  explicit FailedLogins(Options options) : options_(options) {}

  // Whether this one deserves a row of its own; else it is counted.
  bool add(const std::string& account, const std::string& address, Instant now);

  struct Count {
    std::string account;  // "*": several
    std::string address;  // "*": several
    std::uint64_t failures = 0;
  };
  // What was counted, once the window is over; begins the next.
  std::vector<Count> drain(Instant now);

 private:
  Options options_;
  Instant began_{};
  std::map<std::pair<std::string, std::string>, std::uint64_t> counted_;
  std::uint64_t others_ = 0;
};

}  // namespace argosy::server
