#include "server/telemetry/query/query_api.hpp"

#include <utility>

#include "common/base/text.hpp"
#include "server/access/permission.hpp"
#include "server/http/query.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/telemetry/query/query_service.hpp"
#include "server/telemetry/query/slices.hpp"

namespace argosy::server {

namespace {

using namespace std::chrono_literals;

constexpr Duration usual_query_range = 1h;
constexpr std::chrono::days longest_query_range{400};

std::string text_query(const Request& request, std::string_view name) {
  return std::string(request.query_value(name).value_or(""));
}

Result<QueriedRange> range_of(const Request& request) {
  QueriedRange of;
  ARGOSY_TRY(of.filter, parse_filter(text_query(request, "filter")));
  of.model = text_query(request, "model");
  of.version = text_query(request, "version");
  ARGOSY_TRY(const auto range, range_query(request, usual_query_range, longest_query_range));
  of.from = range.from;
  of.to = range.to;
  return of;
}

Result<SeriesQuestion> series_question(const Request& request) {
  SeriesQuestion question;
  ARGOSY_TRY(question.of, range_of(request));
  ARGOSY_TRY(question.metric, parse_metric(request.query_value("metric").value_or("latency_p95")));
  ARGOSY_TRY(question.grouping, parse_grouping(text_query(request, "by")));
  ARGOSY_TRY(const auto points, integer_query(request, "points", 200, 2, std::int64_t{query_point_limit}));
  ARGOSY_TRY(const auto groups, integer_query(request, "groups", 8, 1, std::int64_t{group_limit}));
  question.points = static_cast<std::size_t>(points);
  question.groups = static_cast<std::size_t>(groups);
  return question;
}

Result<Worse> worse_query(const Request& request, const Metric& metric) {
  const auto text = request.query_value("worse");
  if (!text) return worse_of(metric);
  if (*text == "higher") return Worse::higher;
  if (*text == "lower") return Worse::lower;
  return make_error(Errc::invalid_argument, "\"worse\" is \"" + shortened(*text) + "\"; it is higher or lower");
}

Result<WorstQuestion> worst_question(const Request& request) {
  WorstQuestion question;
  ARGOSY_TRY(question.of, range_of(request));
  ARGOSY_TRY(question.metric, parse_metric(request.query_value("metric").value_or("latency_p95")));
  ARGOSY_TRY(question.worse, worse_query(request, question.metric));
  ARGOSY_TRY(const auto most, integer_query(request, "n", 10, 1, std::int64_t{ranking_limit}));
  const auto usual = static_cast<std::int64_t>(least_samples(question.metric));
  ARGOSY_TRY(const auto least, integer_query(request, "least_samples", usual, 1, 1'000'000'000));
  question.most = static_cast<std::size_t>(most);
  question.least_samples = static_cast<std::uint64_t>(least);
  return question;
}

Result<Duration> rows_query(const Request& request) {
  const auto rows = request.query_value("rows").value_or("windows");
  if (rows == "windows") return Duration{0};
  if (rows == "hours") return Duration{1h};
  if (rows == "days") return Duration{24h};
  return make_error(Errc::invalid_argument,
                    "\"rows\" is \"" + shortened(rows) + "\"; it may be windows, hours, days or series");
}

// As a file to keep.
Response csv_response(std::string_view name) {
  Response response;
  response.content_type = "text/csv; charset=utf-8; header=present";
  response.headers.emplace_back("Content-Disposition", "attachment; filename=\"" + std::string(name) + ".csv\"");
  return response;
}

Task<Result<Response>> get_grouped_series(QueryService& queries, Request& request) {
  auto question = series_question(request);
  if (!question) co_return question.error();
  ARGOSY_CO_TRY(const auto series, co_await queries.series(std::move(*question)));
  co_return Response::json(grouped_series_to_json(series));
}

Task<Result<Response>> get_worst(QueryService& queries, Request& request) {
  auto question = worst_question(request);
  if (!question) co_return question.error();
  ARGOSY_CO_TRY(const auto worst, co_await queries.worst(std::move(*question)));
  co_return Response::json(worst_devices_to_json(worst));
}

Task<Result<Response>> get_accuracy(QueryService& queries, Request& request) {
  auto of = range_of(request);
  if (!of) co_return of.error();
  if (of->model.empty())
    co_return make_error(Errc::invalid_argument, "model= is missing: accuracy is told of the versions of one model");
  ARGOSY_CO_TRY(const auto accuracy, co_await queries.accuracy(std::move(*of)));
  co_return Response::json(field_accuracy_to_json(accuracy));
}

Task<Result<Response>> get_facets(QueryService& queries, Request& request) {
  auto filter = parse_filter(request.query_value("filter").value_or(""));
  if (!filter) co_return filter.error();
  ARGOSY_CO_TRY(const auto facets, co_await queries.facets(std::move(*filter)));
  co_return Response::json(facets_to_json(facets));
}

Task<Result<Response>> export_series(QueryService& queries, Request& request) {
  auto question = series_question(request);
  if (!question) co_return question.error();
  ARGOSY_CO_TRY(const auto series, co_await queries.series(std::move(*question)));
  Response response = csv_response("argosy-series");
  response.body = grouped_series_to_csv(series);
  co_return response;
}

Task<Result<Response>> get_export(QueryService& queries, Request& request) {
  if (request.query_value("rows") == "series") co_return co_await export_series(queries, request);
  const auto rows = rows_query(request);
  if (!rows) co_return rows.error();
  auto of = range_of(request);
  if (!of) co_return of.error();
  ExportQuestion question{std::move(*of), *rows};
  ARGOSY_CO_TRY(auto body, co_await queries.export_windows(std::move(question)));
  Response response = csv_response("argosy-windows");
  response.body = std::move(body);
  co_return response;
}

}  // namespace

void add_query_routes(Router& router, QueryService& queries) {
  const auto add = [&](const char* path, Task<Result<Response>> (*answer)(QueryService&, Request&)) {
    router.add({Method::get, path, Permission::read_fleet,
                [&queries, answer](Request& request) { return answer(queries, request); }});
  };
  add("/api/v1/telemetry/series", get_grouped_series);
  add("/api/v1/telemetry/worst", get_worst);
  add("/api/v1/telemetry/accuracy", get_accuracy);
  add("/api/v1/telemetry/facets", get_facets);
  add("/api/v1/telemetry/export", get_export);
}

}  // namespace argosy::server
