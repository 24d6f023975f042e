#include "server/telemetry/series_store.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/text.hpp"
#include "common/stats/robust.hpp"
#include "server/db/rows.hpp"

namespace argosy::server {

namespace {

constexpr int health_limit = 50'000;  // samples: a month of one a minute
constexpr int marker_limit = 500;

// Sums begin on whole hours and days, as the steps do that are read from them.
StoredRange range_of(const SeriesQuery& query, const std::string& model, const SeriesGrid& grid, std::uint32_t parts) {
  const auto level = level_for(std::chrono::seconds(grid.step_s));
  const Instant from = level == Level::windows ? query.from : instant_from_ms(grid.start_s * 1000);
  return {{query.device}, model, {}, from, query.to, level, parts};
}

Result<std::string> model_of(pqxx::work& transaction, const SeriesQuery& query) {
  if (transaction.exec_params("select 1 from devices where id = $1", query.device).empty())
    return make_error(Errc::not_found, "there is no device \"" + shortened(query.device) + "\"");
  if (!query.model.empty()) return query.model;
  std::string first;
  visit_stored(transaction, range_of(query, {}, grid_of(query.from, query.to, query.points, Duration{0}), 0),
               [&](TakenWindow&& window) {
                 if (first.empty() || window.model < first) first = std::move(window.model);
               });
  return first;
}

SeriesGrid grid_for(pqxx::work& transaction, const SeriesQuery& query, const std::string& model) {
  const auto grid = grid_of(query.from, query.to, query.points, Duration{0});
  if (level_for(std::chrono::seconds(grid.step_s)) != Level::windows) return grid;
  const FindUsualLength usual{{{query.device}, model, {}, query.from, query.to}};
  return grid_of(query.from, query.to, query.points, usual(transaction));
}

SeriesFold fold_windows(pqxx::work& transaction, const SeriesQuery& query, const std::string& model,
                        const SeriesGrid& grid) {
  SeriesFold fold(grid);
  constexpr auto parts = part_latency | part_numbers | part_confidences | part_entropy | part_tags;
  visit_stored(transaction, range_of(query, model, grid, parts), [&](TakenWindow&& window) { fold.add(window); });
  return fold;
}

HealthColumns read_health(pqxx::work& transaction, const SeriesQuery& query, const SeriesGrid& grid) {
  const auto rows = transaction.exec_params(
      R"sql(
        select (floor(extract(epoch from h.at) / $4) * $4)::bigint as step, v.key,
          avg(v.value::double precision) as value
        from (
          select at, sample
          from health_samples
          where device_id = $1 and at >= $2::timestamptz and at < $3::timestamptz
          order by at desc
          limit $5
        ) as h, jsonb_each_text(h.sample) as v
        group by step, v.key
        order by step, v.key
      )sql",
      query.device, query.from, query.to, grid.step_s, health_limit);
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

Duration FindUsualLength::operator()(pqxx::work& transaction) const {
  constexpr Duration first_look = std::chrono::hours(6);
  std::vector<double> lengths;
  for (Duration span = first_look;; span *= 4) {
    StoredRange look = range;
    look.parts = 0;
    look.from = std::max(range.from, range.to - span);
    visit_stored(transaction, look, [&](TakenWindow&& window) {
      lengths.push_back(static_cast<double>((window.ended_at - window.started_at).count()));
    });
    if (!lengths.empty() || look.from == range.from) break;
  }
  return Duration{static_cast<std::int64_t>(median(std::move(lengths)).value_or(0))};
}

Result<Series> ReadSeries::operator()(pqxx::work& transaction) const {
  Series series;
  ARGOSY_TRY(series.model, model_of(transaction, query));
  series.grid = grid_for(transaction, query, series.model);
  const auto fold = fold_windows(transaction, query, series.model, series.grid);
  series.points = fold.points();
  series.confidences = fold.confidences();
  series.tags = fold.tags();
  series.health = read_health(transaction, query, series.grid);
  series.markers = read_markers(transaction, query);
  return series;
}

}  // namespace argosy::server
