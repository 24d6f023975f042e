#include "server/devices/connectivity_api.hpp"

#include <nlohmann/json.hpp>

#include "server/access/permission.hpp"
#include "server/devices/connectivity_json.hpp"
#include "server/http/query.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"

namespace argosy::server {

namespace {

constexpr std::chrono::hours usual_connectivity_range{24};
constexpr std::int64_t usual_sites = 20;

Result<Stretch> stretch_query(const Request& request) {
  ARGOSY_TRY(const auto range, range_query(request, usual_connectivity_range, longest_connectivity_range));
  return Stretch{range.from, range.to};
}

Task<Result<Response>> get_timeline(ConnectivityService& service, Request& request) {
  const auto range = stretch_query(request);
  if (!range) co_return range.error();
  const std::string device(request.param("id"));
  ARGOSY_CO_TRY(const auto timeline, co_await service.timeline(DeviceId(device), *range, request.now));
  co_return Response::json(timeline_to_json(device, timeline).dump());
}

Task<Result<Response>> get_connectivity(ConnectivityService& service, Request& request) {
  const auto range = stretch_query(request);
  if (!range) co_return range.error();
  const auto sites = integer_query(request, "sites", usual_sites, 1, std::int64_t{most_sites_told});
  if (!sites) co_return sites.error();
  const ConnectivityQuery query{*range, static_cast<std::size_t>(*sites)};
  ARGOSY_CO_TRY(const auto connectivity, co_await service.connectivity(query, request.now));
  co_return Response::json(connectivity_to_json(connectivity).dump());
}

}  // namespace

void add_connectivity_routes(Router& router, ConnectivityService& connectivity) {
  router.add({Method::get, "/api/v1/devices/{id}/presence", Permission::read_fleet,
              [&connectivity](Request& request) { return get_timeline(connectivity, request); }});
  router.add({Method::get, "/api/v1/connectivity", Permission::read_fleet,
              [&connectivity](Request& request) { return get_connectivity(connectivity, request); }});
}

}  // namespace argosy::server
