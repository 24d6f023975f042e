#include "server/devices/connectivity_service.hpp"

#include <algorithm>

#include "server/db/db_pool.hpp"
#include "server/devices/connectivity_store.hpp"

namespace argosy::server {

Task<Result<DeviceTimeline>> ConnectivityService::timeline(DeviceId device, Stretch range, Instant now) {
  return db_.transact<ReadTimeline>(std::move(device), range, options_.longest_pause, now);
}

Task<Result<Connectivity>> ConnectivityService::connectivity(ConnectivityQuery query, Instant now) {
  query.sites = std::clamp<std::size_t>(query.sites, 1, most_sites_told);
  return db_.transact<ReadConnectivity>(std::move(query), options_, now);
}

}  // namespace argosy::server
