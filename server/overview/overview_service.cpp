#include "server/overview/overview_service.hpp"

#include <utility>

#include "server/access/permission.hpp"
#include "server/db/db_pool.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/overview/overview_store.hpp"

namespace argosy::server {

namespace {

constexpr int most_rest = 10;  // times as long as reading took: an open screen must not fill the database

Task<Result<Response>> get_overview(OverviewService& service, Request& request) {
  const auto overview = co_await service.current(request.now);
  co_return Response::json(overview_to_json(*overview));
}

}  // namespace

Task<std::shared_ptr<const Overview>> OverviewService::current(Instant now) {
  if (kept_ && now - kept_->updated_at < options_.fresh_for && now >= kept_->updated_at) co_return kept_;
  // While one caller reads, and as long as reading took dear, the others get what there is.
  if (kept_ && (is_reading_ || Clock::now() < rests_until_)) co_return kept_;
  is_reading_ = true;
  const auto began = Clock::now();
  auto overview = std::make_shared<Overview>();
  for (const Panel& panel : overview_panels()) {
    auto read = co_await db_.transact<ReadPanel>(panel.read, now, options_);
    if (read) panel.take(*read, *overview);
    if (!read) overview->unavailable[panel.name] = std::move(read).error().message;
  }
  overview->updated_at = now;
  is_reading_ = false;
  const auto end = Clock::now();
  rests_until_ = end + (end - began) * most_rest;
  kept_ = std::move(overview);
  co_return kept_;
}

void add_overview_routes(Router& router, OverviewService& overview) {
  router.add({Method::get, "/api/v1/overview", Permission::read_fleet,
              [&overview](Request& request) { return get_overview(overview, request); }});
}

}  // namespace argosy::server
