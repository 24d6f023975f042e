#include "server/telemetry/telemetry_api.hpp"

#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/access/permission.hpp"
#include "server/http/query.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/telemetry/batch_collector.hpp"
#include "server/telemetry/telemetry_service.hpp"

namespace argosy::server {

namespace {

constexpr std::uint64_t telemetry_body_limit = 1ULL << 20;
constexpr Duration usual_range{3'600'000};
constexpr std::chrono::days longest_range{400};

// Batches that are being stored: what a fleet that comes back may hold in memory, and have waiting for the database.
class UnderWay {
 public:
  static constexpr std::size_t most = 64;
  explicit UnderWay(std::shared_ptr<std::size_t> count) : count_(std::move(count)) { ++*count_; }
  ~UnderWay() { --*count_; }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;
  bool too_many() const { return *count_ > most; }

 private:
  std::shared_ptr<std::size_t> count_;
};

Task<Result<Response>> post_telemetry(BatchCollector& collector, std::shared_ptr<std::size_t> count, Request& request) {
  const UnderWay under_way(std::move(count));
  if (under_way.too_many())
    co_return make_error(Errc::rate_limited, "too many batches are being stored; send this one again later");
  ARGOSY_CO_TRY(const auto ack, co_await collector.store(request.principal.name, std::move(request.body)));
  co_return Response::json(wire::encode(ack));
}

Result<SeriesQuery> series_query(const Request& request) {
  SeriesQuery query;
  query.device = std::string(request.param("id"));
  query.model = std::string(request.query_value("model").value_or(""));
  ARGOSY_TRY(const auto range, range_query(request, usual_range, longest_range));
  query.from = range.from;
  query.to = range.to;
  ARGOSY_TRY(const auto points, integer_query(request, "points", 300, 2, std::int64_t{series_point_limit}));
  query.points = static_cast<std::size_t>(points);
  return query;
}

Task<Result<Response>> get_series(TelemetryService& telemetry, Request& request) {
  auto query = series_query(request);
  if (!query) co_return query.error();
  ARGOSY_CO_TRY(const auto series, co_await telemetry.series(std::move(*query)));
  co_return Response::json(series_to_json(series));
}

nlohmann::json time_or_null(const std::optional<Instant>& at) {
  return at ? nlohmann::json(to_rfc3339(*at)) : nlohmann::json(nullptr);
}

Task<Result<Response>> get_integrity(TelemetryService& telemetry, Request& request) {
  ARGOSY_CO_TRY(const auto epochs, co_await telemetry.integrity(std::string(request.param("id"))));
  auto items = nlohmann::json::array();
  for (const auto& epoch : epochs)
    items.push_back({{"epoch", epoch.epoch},
                     {"stored", epoch.stored},
                     {"first_seq", epoch.first_seq},
                     {"last_seq", epoch.last_seq},
                     {"lost", epoch.lost},
                     {"duplicates", epoch.duplicates},
                     {"gaps", epoch.gaps},
                     {"refused", epoch.refused},
                     {"unread", epoch.unread},
                     {"forks", epoch.forks},
                     {"forked_at", time_or_null(epoch.forked_at)},
                     {"received_at", time_or_null(epoch.received_at)}});
  co_return Response::json(nlohmann::json{{"items", std::move(items)}}.dump());
}

}  // namespace

void add_device_telemetry_routes(Router& device_router, BatchCollector& collector) {
  device_router.add({Method::post, "/device/v1/telemetry", Permission::act_as_device,
                     [&collector, count = std::make_shared<std::size_t>(0)](Request& request) {
                       return post_telemetry(collector, count, request);
                     },
                     telemetry_body_limit});
}

void add_telemetry_routes(Router& router, TelemetryService& telemetry) {
  router.add({Method::get, "/api/v1/devices/{id}/series", Permission::read_fleet,
              [&telemetry](Request& request) { return get_series(telemetry, request); }});
  router.add({Method::get, "/api/v1/devices/{id}/telemetry-integrity", Permission::read_fleet,
              [&telemetry](Request& request) { return get_integrity(telemetry, request); }});
}

}  // namespace argosy::server
