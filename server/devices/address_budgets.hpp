// How often an address that nobody has signed for may ask for something dear: twenty times at once, then two a second.
// Pure, with a fixed size: addresses that fall together share a budget. A fleet behind one address waits its turn.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "common/base/instant.hpp"

namespace argosy::server {

class AddressBudgets {
 public:
  static constexpr double burst = 20;
  static constexpr double per_second = 2;

  AddressBudgets();
  explicit AddressBudgets(std::uint64_t seed) : seed_(seed) {}
  // Whether there was something left, which is now spent.
  bool take(std::string_view address, Instant now);

 private:
  struct Budget {
    double spent = 0;
    Instant at{};
  };
  std::uint64_t seed_;  // so that nobody can look for an address that shares another's budget
  std::array<Budget, 4096> budgets_{};
};

}  // namespace argosy::server
