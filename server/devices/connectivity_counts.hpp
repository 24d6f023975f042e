// What counting devices by site goes by. Pure data.
#pragma once

#include <cstddef>
#include <string>

namespace argosy::server {

// A device without that label has no site, and so has one of a further site when there are so many.
inline constexpr std::size_t most_sites = 2000;

struct SiteCounting {
  std::string label;         // whose value is a device's site
  std::size_t limit = 5000;  // devices that changed, in one transaction
};

}  // namespace argosy::server
