// When a site has gone dark as a whole, and what becomes of the alerts on its devices meanwhile. Pure.
//
//   site        device        its alert   what is done
//   lit         offline       none        an alert of its own
//   dark        offline       none        held back: the site's alert stands for it
//   dark        not back      younger     ends: it is part of what happened to the site
//   dark        not back      older       stays: it went for a reason of its own
//   any         online        open        ends: it is back
//   lit again   offline       none        an alert of its own, now
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/instant.hpp"
#include "server/alerts/alert.hpp"

namespace argosy::server {

struct SiteRule {
  double share = 0.3;              // more of its devices offline than this open it; half of that closes it
  std::int64_t least_devices = 5;  // a site with fewer has none
  Duration folds_in{900'000};      // alerts on its devices that opened within so long before are part of it
  std::string label = "site";      // whose value is a device's site; for the alert to tell
};

struct SiteLevel {
  std::int64_t devices = 0;
  std::int64_t offline = 0;
};
// The state that the site's alert should be in; `present` is the one that it is in.
AlertState judge_site(const SiteRule& rule, AlertState present, const SiteLevel& level);

struct DarkDevice {
  bool is_revoked = false;
  bool is_offline = false;
  bool is_online = false;  // neither: it is late, which is not back yet, or was never seen
  std::optional<Instant> alert_since;
  std::optional<Instant> site_dark_since;
};
enum class DarkStep : std::uint8_t { none, open, hold_back, end_back, end_folded, end_revoked };
DarkStep next_dark_step(const SiteRule& rule, const DarkDevice& device);

}  // namespace argosy::server
