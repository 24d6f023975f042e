// When a site has gone dark as a whole: one alert stands for its devices then. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/instant.hpp"
#include "server/alerts/alert.hpp"

namespace argosy::server {

struct SiteRule {
  double share = 0.3;              // more of its devices offline than this open it; half of that closes it
  std::int64_t least_devices = 5;  // a site with fewer has none
  Duration folds_in{900'000};      // alerts on its devices that fired within so long before are part of it
  std::string label = "site";      // whose value is a device's site; for the alert to tell
};

struct SiteLevel {
  std::int64_t devices = 0;
  std::int64_t offline = 0;
};
// The state that the site's alert should be in; `present` is the one that it is in.
AlertState judge_site(const SiteRule& rule, AlertState present, const SiteLevel& level);

}  // namespace argosy::server
