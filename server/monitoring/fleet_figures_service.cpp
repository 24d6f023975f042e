#include "server/monitoring/fleet_figures_service.hpp"

#include <algorithm>
#include <utility>

#include "server/access/permission.hpp"
#include "server/db/db_pool.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/monitoring/fleet_figures_store.hpp"

namespace argosy::server {
namespace {

constexpr int most_rest = 10;  // times as long as reading took

Task<Result<Response>> get_fleet_metrics(FleetFiguresService& figures) {
  ARGOSY_CO_TRY(const SharedFamilies families, co_await figures.current());
  co_return Response::prometheus(prometheus_text(*families));
}

}  // namespace

Task<Result<SharedFamilies>> FleetFiguresService::current() {
  const auto began = Clock::now();
  if (kept_ && (is_reading_ || began < kept_until_)) co_return kept_;
  is_reading_ = true;
  const auto figures = co_await db_.transact<ReadFleetFigures>();
  is_reading_ = false;
  if (!figures) {
    kept_ = nullptr;
    co_return figures.error();
  }
  kept_ = std::make_shared<const std::vector<FigureFamily>>(families_of(*figures));
  const auto end = Clock::now();
  kept_until_ = end + std::max<Clock::duration>(fresh_for_, (end - began) * most_rest);
  co_return kept_;
}

void add_fleet_metrics_route(Router& router, FleetFiguresService& figures) {
  router.add(
      {Method::get, "/metrics/fleet", Permission::open, [&figures](Request&) { return get_fleet_metrics(figures); }});
}

}  // namespace argosy::server
