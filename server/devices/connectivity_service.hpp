// What is told of connectivity: a device's timeline, and how available sites are. Reads alone; presence_service.hpp
// keeps what is read. Coroutines on the I/O thread; the SQL runs on the pool's threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/id.hpp"
#include "server/base/task.hpp"
#include "server/devices/connectivity.hpp"

namespace argosy::server {

class DbPool;

inline constexpr std::chrono::hours longest_connectivity_range{31 * 24};
inline constexpr std::size_t most_sites_told = 200;

struct ConnectivityOptions {
  std::string site_label = "site";
  Duration longest_pause{30'000};  // as PresenceOptions has it
};

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

struct ConnectivityQuery {
  Stretch range;
  std::size_t sites = 20;  // told one by one
};

class ConnectivityService {
 public:
  ConnectivityService(DbPool& db, ConnectivityOptions options) : db_(db), options_(std::move(options)) {}

  // Errc::not_found when there is no such device. What lies after `now` is left out.
  Task<Result<DeviceTimeline>> timeline(DeviceId device, Stretch range, Instant now);
  // The range begins with the hour that it begins in.
  Task<Result<Connectivity>> connectivity(ConnectivityQuery query, Instant now);

 private:
  DbPool& db_;
  ConnectivityOptions options_;
};

}  // namespace argosy::server
