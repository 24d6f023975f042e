// Why work that could go on waits all the same: what the device's owner laid down. Plain data.
#pragma once

#include <optional>
#include <string>

#include "common/base/instant.hpp"

namespace argosy::agent {

struct Hold {
  std::optional<Instant> until;  // by the wall clock; none: nobody can say
  std::string why;               // for a person, with the time in it
  friend bool operator==(const Hold&, const Hold&) = default;
};

}  // namespace argosy::agent
