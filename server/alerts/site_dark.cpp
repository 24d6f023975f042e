#include "server/alerts/site_dark.hpp"

namespace argosy::server {

AlertState judge_site(const SiteRule& rule, AlertState present, const SiteLevel& level) {
  if (level.devices < rule.least_devices) return AlertState::ok;
  const double share = static_cast<double>(level.offline) / static_cast<double>(level.devices);
  const bool is_dark = share > (present == AlertState::firing ? rule.share / 2 : rule.share);
  return is_dark ? AlertState::firing : AlertState::ok;
}

}  // namespace argosy::server
