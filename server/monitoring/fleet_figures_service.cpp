#include "server/monitoring/fleet_figures_service.hpp"

#include <algorithm>
#include <string>
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

bool FleetFiguresService::is_stuck(Clock::time_point now) const {
  return reading_since_ && now - *reading_since_ >= patience_;
}

bool FleetFiguresService::may_tell_kept(Clock::time_point now) const {
  return kept_ && (now < kept_until_ || (reading_since_ && !is_stuck(now)));
}

Task<Result<SharedFamilies>> FleetFiguresService::current() {
  const auto began = Clock::now();
  if (may_tell_kept(began)) co_return kept_;
  if (is_stuck(began)) {
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(began - *reading_since_);
    co_return make_error(Errc::unavailable,
                         "the database has not answered for " + std::to_string(waited.count()) + " s");
  }
  if (!reading_since_) reading_since_ = began;
  const auto figures = co_await db_.transact<ReadFleetFigures>();
  reading_since_.reset();
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
