#include "server/telemetry/series_store.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/text.hpp"
#include "common/stats/robust.hpp"
#include "server/db/rows.hpp"
#include "server/telemetry/window_figures.hpp"

namespace argosy::server {

namespace {

constexpr int window_limit = 100'000;  // a day has 1,440 windows of a minute
constexpr int marker_limit = 500;

Result<std::string> model_of(pqxx::work& transaction, const SeriesQuery& query) {
  if (transaction.exec_params("select 1 from devices where id = $1", query.device).empty())
    return make_error(Errc::not_found, "there is no device \"" + shortened(query.device) + "\"");
  if (!query.model.empty()) return query.model;
  const auto row = transaction.exec_params1(
      R"sql(
        select coalesce(min(model), '')
        from telemetry_unpacked
        where device_id = $1 and started_at >= $2::timestamptz and started_at < $3::timestamptz
      )sql",
      query.device, query.from, query.to);
  return row[0].as<std::string>();
}

std::vector<TakenWindow> read_windows(pqxx::work& transaction, const SeriesQuery& query, const std::string& model) {
  const auto rows = transaction.exec_params(
      R"sql(
        select started_at, version, figures
        from telemetry_unpacked
        where device_id = $1 and model = $2 and started_at >= $3::timestamptz and started_at < $4::timestamptz
        order by started_at desc
        limit $5
      )sql",
      query.device, model, query.from, query.to, window_limit);
  std::vector<TakenWindow> windows;
  windows.reserve(static_cast<std::size_t>(rows.size()));
  const auto started_at = rows.column_number("started_at");
  const auto version = rows.column_number("version");
  const auto figures = rows.column_number("figures");
  for (const auto& row : rows) {
    TakenWindow window;
    window.started_at = row[started_at].as<Instant>();
    window.version = row[version].as<std::string>();
    read_figures(row[figures].c_str(), window);
    windows.push_back(std::move(window));
  }
  return windows;
}

Duration usual_length(const std::vector<TakenWindow>& windows) {
  std::vector<double> lengths;
  lengths.reserve(windows.size());
  for (const auto& window : windows)
    lengths.push_back(static_cast<double>((window.ended_at - window.started_at).count()));
  return Duration{static_cast<std::int64_t>(median(std::move(lengths)).value_or(0))};
}

HealthColumns read_health(pqxx::work& transaction, const SeriesQuery& query, const SeriesGrid& grid) {
  const auto rows = transaction.exec_params(
      R"sql(
        select (floor(extract(epoch from h.at) / $4) * $4)::bigint as step, v.key,
          avg(v.value::double precision) as value
        from health_samples h, jsonb_each_text(h.sample) as v
        where h.device_id = $1 and h.at >= $2::timestamptz and h.at < $3::timestamptz
        group by step, v.key
        order by step, v.key
      )sql",
      query.device, query.from, query.to, grid.step_s);
  HealthColumns health;
  for (const auto& row : rows) {
    const auto step = row["step"].as<std::int64_t>();
    if (health.t.empty() || health.t.back() != step) health.t.push_back(step);
    const auto key = row["key"].as<std::string>();
    // A device may name its readings anew in each sample.
    if (health.columns.size() >= wire::health_fields.size() + series_number_limit && !health.columns.contains(key))
      continue;
    auto& column = health.columns[key];
    column.resize(health.t.size());
    column.back() = row["value"].as<double>();
  }
  for (auto& [name, column] : health.columns) column.resize(health.t.size());
  return health;
}

std::vector<SeriesMarker> read_markers(pqxx::work& transaction, const SeriesQuery& query) {
  const auto rows = transaction.exec_params(
      R"sql(
        select at, kind, label
        from (
          select at, kind, message as label
          from events
          where device_id = $1
            and at >= $2::timestamptz
            and at < $3::timestamptz
            and (kind like 'alert.%' or kind like 'drift.%')
          union all
          select d.started_at, 'update.started', r.name || ' starts'
          from rollout_devices d
          join rollouts r on r.id = d.rollout_id
          where d.device_id = $1 and d.started_at >= $2::timestamptz and d.started_at < $3::timestamptz
          union all
          select d.finished_at, 'update.' || d.state, r.name || ' ' || coalesce(d.cause, d.state)
          from rollout_devices d
          join rollouts r on r.id = d.rollout_id
          where d.device_id = $1 and d.finished_at >= $2::timestamptz and d.finished_at < $3::timestamptz
        ) as m
        order by at desc
        limit $4
      )sql",
      query.device, query.from, query.to, marker_limit);
  std::vector<SeriesMarker> markers;
  for (const auto& row : rows)
    markers.push_back({row["at"].as<Instant>(), row["kind"].as<std::string>(), row["label"].as<std::string>()});
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
  series.confidences = fold.confidences();
  series.tags = fold.tags();
  series.health = read_health(transaction, query, series.grid);
  series.markers = read_markers(transaction, query);
  return series;
}

}  // namespace argosy::server
