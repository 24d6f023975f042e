// What is told of connectivity: a device's timeline, and how available sites are. Reads alone; presence_service.hpp
// keeps what is read. Coroutines on the I/O thread; the SQL runs on the pool's threads.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "common/base/error.hpp"
#include "common/base/id.hpp"
#include "server/base/task.hpp"
#include "server/devices/connectivity_report.hpp"

namespace argosy::server {

class DbPool;

inline constexpr std::chrono::days longest_connectivity_range{31};
inline constexpr std::size_t most_sites_told = 200;

struct ConnectivityOptions {
  std::string site_label = "site";
  Duration longest_pause{30'000};  // as PresenceOptions has it
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
  // The range begins with the hour that it begins in, and ends with the hour that it ends in, or now.
  Task<Result<Connectivity>> connectivity(ConnectivityQuery query, Instant now);

 private:
  DbPool& db_;
  ConnectivityOptions options_;
};

}  // namespace argosy::server
