#include "server/telemetry/series_store.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/text.hpp"
#include "common/stats/robust.hpp"

namespace argosy::server {

namespace {

constexpr int window_limit = 100'000;  // a day has 1,440 windows of a minute
constexpr int marker_limit = 500;

Instant instant_of(const pqxx::field& milliseconds) {
  return instant_from_ms(milliseconds.as<std::int64_t>());
}

// "\x0102" as PostgreSQL prints it.
LogHistogram histogram_of(const pqxx::field& bytea) {
  const std::string_view text = bytea.c_str();
  if (!text.starts_with("\\x")) return {};
  const auto bytes = from_hex(text.substr(2));
  if (!bytes) return {};
  auto histogram = LogHistogram::decode(*bytes);
  return histogram ? std::move(*histogram) : LogHistogram{};
}

Result<std::string> model_of(pqxx::work& transaction, const SeriesQuery& query) {
  if (transaction.exec_params("select 1 from devices where id = $1", query.device).empty())
    return make_error(Errc::not_found, "there is no device \"" + shortened(query.device) + "\"");
  if (!query.model.empty()) return query.model;
  const auto row = transaction.exec_params1(
      "select coalesce(min(model), '') from inference_windows where device_id = $1 and started_at >= $2::timestamptz "
      "and "
      "started_at < $3::timestamptz",
      query.device, to_rfc3339(query.from), to_rfc3339(query.to));
  return row[0].as<std::string>();
}

std::vector<WindowRow> read_windows(pqxx::work& transaction, const SeriesQuery& query, const std::string& model) {
  const auto rows = transaction.exec_params(
      "select (extract(epoch from started_at) * 1000)::bigint, (extract(epoch from ended_at) * 1000)::bigint, version, "
      "count, errors, labelled, correct, latency from inference_windows "
      "where device_id = $1 and model = $2 and started_at >= $3::timestamptz and started_at < $4::timestamptz "
      "order by started_at desc limit $5",
      query.device, model, to_rfc3339(query.from), to_rfc3339(query.to), window_limit);
  std::vector<WindowRow> windows;
  windows.reserve(static_cast<std::size_t>(rows.size()));
  for (const auto& row : rows) {
    WindowRow window;
    window.started_at = instant_of(row[0]);
    window.ended_at = instant_of(row[1]);
    window.version = row[2].as<std::string>();
    window.count = row[3].as<std::uint64_t>();
    window.errors = row[4].as<std::uint64_t>();
    window.labelled = row[5].as<std::uint64_t>();
    window.correct = row[6].as<std::uint64_t>();
    window.latency = histogram_of(row[7]);
    windows.push_back(std::move(window));
  }
  return windows;
}

Duration usual_length(const std::vector<WindowRow>& windows) {
  std::vector<double> lengths;
  lengths.reserve(windows.size());
  for (const auto& window : windows)
    lengths.push_back(static_cast<double>((window.ended_at - window.started_at).count()));
  return Duration{static_cast<std::int64_t>(median(std::move(lengths)).value_or(0))};
}

HealthColumns read_health(pqxx::work& transaction, const SeriesQuery& query, const SeriesGrid& grid) {
  const auto rows = transaction.exec_params(
      "select (floor(extract(epoch from h.at) / $4) * $4)::bigint as step, v.key, avg(v.value::double precision) "
      "from health_samples h, jsonb_each_text(h.sample) as v "
      "where h.device_id = $1 and h.at >= $2::timestamptz and h.at < $3::timestamptz group by step, v.key "
      "order by step, v.key",
      query.device, to_rfc3339(query.from), to_rfc3339(query.to), grid.step_s);
  HealthColumns health;
  for (const auto& row : rows) {
    const auto step = row[0].as<std::int64_t>();
    if (health.t.empty() || health.t.back() != step) health.t.push_back(step);
    auto& column = health.columns[row[1].as<std::string>()];
    column.resize(health.t.size());
    column.back() = row[2].as<double>();
  }
  for (auto& [name, column] : health.columns) column.resize(health.t.size());
  return health;
}

std::vector<SeriesMarker> read_markers(pqxx::work& transaction, const SeriesQuery& query) {
  const auto rows = transaction.exec_params(
      "select (extract(epoch from at) * 1000)::bigint, kind, label from ("
      "  select at, kind, message as label from events where device_id = $1 and at >= $2::timestamptz and "
      "    at < $3::timestamptz and (kind like 'alert.%' or kind like 'drift.%') "
      "  union all "
      "  select d.started_at, 'update.started', r.name || ' starts' from rollout_devices d join rollouts r "
      "    on r.id = d.rollout_id where d.device_id = $1 and d.started_at >= $2::timestamptz and "
      "    d.started_at < $3::timestamptz "
      "  union all "
      "  select d.finished_at, 'update.' || d.state, r.name || ' ' || coalesce(d.cause, d.state) from rollout_devices "
      "d "
      "    join rollouts r on r.id = d.rollout_id where d.device_id = $1 and d.finished_at >= $2::timestamptz and "
      "    d.finished_at < $3::timestamptz) as m order by at desc limit $4",
      query.device, to_rfc3339(query.from), to_rfc3339(query.to), marker_limit);
  std::vector<SeriesMarker> markers;
  for (const auto& row : rows)
    markers.push_back({instant_of(row[0]), row[1].as<std::string>(), row[2].as<std::string>()});
  std::reverse(markers.begin(), markers.end());
  return markers;
}

}  // namespace

Result<Series> ReadSeries::operator()(pqxx::work& transaction) const {
  Series series;
  ARGOSY_TRY(series.model, model_of(transaction, query));
  const auto windows = read_windows(transaction, query, series.model);
  series.grid = grid_of(query, usual_length(windows));
  SeriesFold fold(series.grid);
  for (const auto& window : windows) fold.add(window);
  series.points = fold.points();
  series.health = read_health(transaction, query, series.grid);
  series.markers = read_markers(transaction, query);
  return series;
}

}  // namespace argosy::server
