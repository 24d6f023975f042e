// What is told of connectivity. Pure data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/devices/connectivity.hpp"

namespace argosy::server {

struct DeviceTimeline {
  Stretch range;  // what is told of: no longer than the device is or was there
  Presence presence = Presence::never_seen;
  std::optional<Instant> intermittent_until;
  std::vector<TimelineSpan> spans;
  Availability availability;
};

struct SiteAvailability {
  std::string site;  // empty: of devices without one
  std::int64_t devices = 0;
  std::int64_t reachable = 0;
  Availability availability;
  std::vector<std::optional<double>> by_hour;
  std::optional<std::int64_t> dark_alert;  // that is open on it
};

struct IntermittentDevice {
  std::string device;
  Presence presence = Presence::online;
  std::string site;
};

struct Connectivity {
  std::string label;
  Stretch range;
  std::vector<Instant> hours;
  SiteAvailability fleet;
  std::vector<SiteAvailability> sites;  // the least available first
  std::int64_t other_sites = 0;
  SiteAvailability others;  // those that are not told one by one, together; without hours
  std::int64_t intermittent_devices = 0;
  std::vector<IntermittentDevice> intermittent;  // at most 20
};

}  // namespace argosy::server
