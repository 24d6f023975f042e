#include "server/devices/connectivity_json.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <nlohmann/json.hpp>

namespace argosy::server {

namespace {

using Json = nlohmann::json;

// To a hundred-thousandth: five nines are told apart, and a year of hours stays small. What is less than all is
// never 1.
Json share_json(const std::optional<double>& share) {
  if (!share) return nullptr;
  const double rounded = std::round(*share * 1e5) / 1e5;
  return *share < 1 ? std::min(rounded, 0.99999) : rounded;
}

Json seconds_json(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

Json site_name_json(const std::string& name) {
  return name.empty() ? Json(nullptr) : Json(name);
}

Json counts_json(const SiteAvailability& site) {
  return {{"devices", site.devices},
          {"online", site.reachable},
          {"offline", site.devices - site.reachable},
          {"availability", share_json(site.availability.share())},
          {"lost_s", seconds_json(site.availability.expected - site.availability.reachable)}};
}

Json hours_json(const SiteAvailability& site) {
  Json hours = Json::array();
  for (const auto& share : site.by_hour) hours.push_back(share_json(share));
  return hours;
}

Json span_json(const TimelineSpan& span) {
  return {{"from", to_rfc3339(span.time.from)},
          {"to", to_rfc3339(span.time.to)},
          {"state", to_string(span.state)},
          {"cause", span.cause ? Json(to_string(*span.cause)) : Json(nullptr)},
          {"reason", span.reason},
          {"changes", span.changes},
          {"online_s", seconds_json(span.reachable)}};
}

}  // namespace

Json timeline_to_json(const std::string& device, const DeviceTimeline& timeline) {
  Json spans = Json::array();
  for (const TimelineSpan& span : timeline.spans) spans.push_back(span_json(span));
  return {{"device", device},
          {"from", to_rfc3339(timeline.range.from)},
          {"to", to_rfc3339(timeline.range.to)},
          {"presence", to_string(timeline.presence)},
          {"intermittent", timeline.intermittent_until.has_value()},
          {"intermittent_until", timeline.intermittent_until ? Json(to_rfc3339(*timeline.intermittent_until)) : Json()},
          {"availability", share_json(timeline.availability.share())},
          {"online_s", seconds_json(timeline.availability.reachable)},
          {"expected_s", seconds_json(timeline.availability.expected)},
          {"unknown_s", seconds_json(timeline.availability.unknown)},
          {"spans", std::move(spans)}};
}

Json connectivity_to_json(const Connectivity& connectivity) {
  Json hours = Json::array();
  for (const Instant hour : connectivity.hours) hours.push_back(to_rfc3339(hour));
  Json sites = Json::array();
  for (const SiteAvailability& site : connectivity.sites) {
    Json told = counts_json(site);
    told["site"] = site_name_json(site.site);
    told["hours"] = hours_json(site);
    told["alert"] = site.dark_alert ? Json(*site.dark_alert) : Json(nullptr);
    sites.push_back(std::move(told));
  }
  Json fleet = counts_json(connectivity.fleet);
  fleet["hours"] = hours_json(connectivity.fleet);
  Json others;
  if (connectivity.other_sites > 0) {
    others = counts_json(connectivity.others);
    others["sites"] = connectivity.other_sites;
  }
  Json intermittent = Json::array();
  for (const IntermittentDevice& each : connectivity.intermittent)
    intermittent.push_back(
        {{"id", each.device}, {"presence", to_string(each.presence)}, {"site", site_name_json(each.site)}});
  return {{"label", connectivity.label},
          {"from", to_rfc3339(connectivity.range.from)},
          {"to", to_rfc3339(connectivity.range.to)},
          {"hours", std::move(hours)},
          {"fleet", std::move(fleet)},
          {"sites", std::move(sites)},
          {"others", std::move(others)},
          {"intermittent", {{"devices", connectivity.intermittent_devices}, {"items", std::move(intermittent)}}}};
}

}  // namespace argosy::server
