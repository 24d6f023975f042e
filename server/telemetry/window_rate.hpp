// How many windows ended in the last minute, counted as they are stored: by seconds, so that it costs the same however
// large the fleet is. Pure; one owner at a time.
#pragma once

#include <array>
#include <cstdint>

#include "common/base/instant.hpp"

namespace argosy::server {

class WindowRate {
 public:
  static constexpr Duration minute{60'000};

  // A window that ended then; what is older than some minutes, or ahead, is not kept.
  void add(Instant ended_at, Instant now);
  std::uint64_t last_minute(Instant now) const;  // those that ended in the minute up to `now`

 private:
  struct Second {
    std::int64_t at = -1;  // since 1970
    std::uint64_t windows = 0;
  };
  std::array<Second, 256> seconds_{};  // by their number
};

}  // namespace argosy::server
