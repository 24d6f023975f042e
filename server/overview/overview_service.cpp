#include "server/overview/overview_service.hpp"

#include <utility>

#include "server/db/db_pool.hpp"
#include "server/overview/overview_store.hpp"

namespace argosy::server {

namespace {

class Service final : public OverviewService {
 public:
  Service(DbPool& db, OverviewOptions options) : db_(db), options_(options) {}

  Task<Result<std::shared_ptr<const Overview>>> current(Instant now) override {
    if (kept_ && now - kept_->updated_at < options_.fresh_for && now >= kept_->updated_at) co_return kept_;
    // While one caller reads, the others get what there is: it is about a second old.
    if (kept_ && is_reading_) co_return kept_;
    is_reading_ = true;
    auto task = db_.transact(ReadOverview{now, options_});
    auto overview = co_await std::move(task);
    is_reading_ = false;
    if (!overview) co_return overview.error();
    kept_ = std::make_shared<const Overview>(std::move(*overview));
    co_return kept_;
  }

 private:
  DbPool& db_;
  OverviewOptions options_;
  std::shared_ptr<const Overview> kept_;
  bool is_reading_ = false;
};

Task<Result<Response>> get_overview(OverviewService& service, Request& request) {
  auto task = service.current(request.now);
  const auto overview = co_await std::move(task);
  if (!overview) co_return overview.error();
  co_return Response::json(overview_to_json(**overview));
}

}  // namespace

std::unique_ptr<OverviewService> create_overview_service(DbPool& db, OverviewOptions options) {
  return std::make_unique<Service>(db, options);
}

void add_overview_routes(Router& router, OverviewService& overview) {
  router.add({Method::get, "/api/v1/overview", Access::viewer,
              [&overview](Request& request) { return get_overview(overview, request); }});
}

}  // namespace argosy::server
