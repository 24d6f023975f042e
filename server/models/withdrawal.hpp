// That a release was taken back: by whom, and why. Pure data.
#pragma once

#include <string>

#include "common/base/instant.hpp"

namespace argosy::server {

struct Withdrawal {
  Instant at{};
  std::string by;
  std::string reason;
  friend bool operator==(const Withdrawal&, const Withdrawal&) = default;
};

}  // namespace argosy::server
