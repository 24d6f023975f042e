// Alone, since it is compiled at every configuration.
#include "agent/link/device_clock.hpp"

namespace argosy::agent {

Instant build_time() {
  return Instant{std::chrono::seconds{ARGOSY_BUILT_AT}};
}

}  // namespace argosy::agent
