#include "server/alerts/site_dark.hpp"

namespace argosy::server {

AlertState judge_site(const SiteRule& rule, AlertState present, const SiteLevel& level) {
  if (level.devices < rule.least_devices) return AlertState::ok;
  const double share = static_cast<double>(level.offline) / static_cast<double>(level.devices);
  const bool is_dark = share > (present == AlertState::firing ? rule.share / 2 : rule.share);
  return is_dark ? AlertState::firing : AlertState::ok;
}

DarkStep next_dark_step(const SiteRule& rule, const DarkDevice& device) {
  if (device.is_revoked) return device.alert_since ? DarkStep::end_revoked : DarkStep::none;
  if (!device.alert_since) {
    if (!device.is_offline) return DarkStep::none;
    return device.site_dark_since ? DarkStep::hold_back : DarkStep::open;
  }
  if (device.is_online) return DarkStep::end_back;
  const bool is_part_of_it = device.site_dark_since && *device.alert_since >= *device.site_dark_since - rule.folds_in;
  return is_part_of_it ? DarkStep::end_folded : DarkStep::none;
}

}  // namespace argosy::server
