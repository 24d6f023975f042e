#include "server/telemetry/query/query_store.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "server/db/rows.hpp"
#include "server/devices/filter_sql.hpp"
#include "server/telemetry/query/csv.hpp"
#include "server/telemetry/query/grouped_series.hpp"
#include "server/telemetry/stored/rollup.hpp"
#include "server/telemetry/window_figures.hpp"

namespace argosy::server {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t export_statements = 100;  // in one transaction

const std::string from_matching =
    "from devices d join device_state s on s.device_id = d.id where d.revoked_at is null and ";

std::string group_column(const Grouping& grouping, std::size_t label_parameter) {
  switch (grouping.by) {
    case Grouping::By::device:
      return "d.id";
    case Grouping::By::hardware_class:
      return "d.hardware_class";
    case Grouping::By::label:
      return "coalesce(d.labels->>$" + std::to_string(label_parameter) + "::text, '')";
    case Grouping::By::nothing:
    case Grouping::By::version:
      break;
  }
  return "''";
}

std::uint64_t read_window_slice(pqxx::work& transaction, const ReadMetricSlice& slice, DeviceFold& fold) {
  const MetricRange& range = *slice.range;
  std::uint64_t rows = 0;
  visit_stored(
      transaction,
      {slice.devices, range.model, range.version, range.from(), range.to(), range.level, parts_of(range.metric)},
      [&](TakenWindow&& window) {
        ++rows;
        fold.add(std::move(window));
      });
  return rows;
}

std::uint64_t read_health_slice(pqxx::work& transaction, const ReadMetricSlice& slice, DeviceFold& fold) {
  const MetricRange& range = *slice.range;
  const auto rows = transaction.exec_params(
      R"sql(
        select device_id, floor((at_s - $5) / $6)::bigint as step, sum(value) as total, count(*) as samples
        from (
          select device_id, extract(epoch from at) as at_s, (sample->>$2::text)::double precision as value
          from health_samples
          where device_id in (select unnest($1::text[]))
            and at >= $3::timestamptz
            and at < $4::timestamptz
            and jsonb_typeof(sample->$2::text) = 'number'
          limit $7
        ) as samples
        group by device_id, step
      )sql",
      pg_array(slice.devices), range.metric.key, range.from(), range.to(), range.grid.start_s, range.grid.step_s,
      slice.rows_left + 1);
  std::uint64_t samples = 0;
  for (const auto& row : rows) {
    const auto count = row["samples"].as<std::uint64_t>();
    fold.add_health(row["device_id"].as<std::string>(), row["step"].as<std::size_t>(), row["total"].as<double>(),
                    count);
    samples += count;
  }
  return samples;
}

// How much of a device's time one statement of an export reads: whole hours, or days, where these are its rows.
Duration export_span(Level level) {
  switch (level) {
    case Level::days:
      return 24h * 400;
    case Level::hours:
      return 24h * 60;
    case Level::windows:
      break;
  }
  return 24h;
}

// A row for each window, or for each hour or day of model and version. Windows become rows as they come: a day of one
// that lasts a second each has 86,400.
class ExportedRows {
 public:
  explicit ExportedRows(Duration rows_of) : rows_of_(rows_of), sums_(rows_of) {}
  void add(const TakenWindow& window) {
    if (rows_of_ > Duration{0}) return sums_.add(window);
    CsvWriter row;
    append_window(row, window);
    rows_.push_back({window.started_at, window.model, window.version, row.take()});
  }
  void append_to(std::string& csv) {
    for (const Rollup& rollup : sums_.take()) {
      CsvWriter row;
      append_window(row, rollup.sum);
      rows_.push_back({rollup.sum.started_at, rollup.sum.model, rollup.sum.version, row.take()});
    }
    std::sort(rows_.begin(), rows_.end(), [](const Row& one, const Row& another) {
      return std::tie(one.at, one.model, one.version) < std::tie(another.at, another.model, another.version);
    });
    for (const Row& row : rows_) csv += row.csv;
  }

 private:
  struct Row {
    Instant at{};
    std::string model, version, csv;
  };
  Duration rows_of_;
  Rollups sums_;
  std::vector<Row> rows_;
};

}  // namespace

Result<std::vector<QueriedDevice>> SelectQueriedDevices::operator()(pqxx::work& transaction) const {
  SqlCondition condition = to_sql(filter, 1);
  const auto next = condition.parameters.size() + 1;
  const bool by_label = grouping.by == Grouping::By::label;
  if (by_label) condition.parameters.push_back(grouping.label);
  const auto rows =
      transaction.exec_params("select d.id, " + group_column(grouping, next) + " as name " + from_matching +
                                  condition.text + " limit " + std::to_string(queried_devices_limit + 1),
                              pqxx::prepare::make_dynamic_params(condition.parameters));
  if (static_cast<std::size_t>(rows.size()) > queried_devices_limit)
    return make_error(Errc::too_large, "the filter matches over " + std::to_string(queried_devices_limit) +
                                           " devices, which is more than one query reads; narrow the filter");
  std::vector<QueriedDevice> devices;
  devices.reserve(static_cast<std::size_t>(rows.size()));
  for (const auto& row : rows) devices.push_back({row[0].as<std::string>(), row[1].as<std::string>()});
  std::sort(devices.begin(), devices.end(), [](const QueriedDevice& one, const QueriedDevice& another) {
    return one.group != another.group ? one.group < another.group : one.id < another.id;
  });
  return devices;
}

Duration FindSamplePause::operator()(pqxx::work& transaction) const {
  constexpr Duration looked_at = 6h;
  const auto row = transaction.exec_params1(
      R"sql(
        select coalesce(percentile_disc(0.5) within group (order by pause_s), 0)::double precision
        from (
          select extract(epoch from max(at) - min(at)) / (count(*) - 1) as pause_s
          from health_samples
          where device_id in (select unnest($1::text[])) and at >= $2::timestamptz and at < $3::timestamptz
          group by device_id
          having count(*) > 1
        ) as pauses
      )sql",
      pg_array(devices), std::max(from, to - looked_at), to);
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(row[0].as<double>()));
}

std::uint64_t ReadMetricSlice::operator()(pqxx::work& transaction) const {
  DeviceFold fold(range->metric, range->grid, range->by_version);
  const bool of_health = range->metric.kind == Metric::Kind::health;
  const auto rows =
      of_health ? read_health_slice(transaction, *this, fold) : read_window_slice(transaction, *this, fold);
  auto measured = fold.take();
  const std::lock_guard lock(taker->mutex);
  taker->taker.take(slice, std::move(measured));
  return rows;
}

Facets ReadFacets::operator()(pqxx::work& transaction) const {
  const SqlCondition condition = to_sql(filter, 1);
  const auto limit = std::to_string(condition.parameters.size() + 1);
  const auto rows = transaction.exec_params("with matching as (select d.id, d.hardware_class, d.labels, s.presence " +
                                                from_matching + condition.text + ")" +
                                                R"sql(,
        counts as (
          select '' as field, '' as value, count(*) as devices from matching
          union all
          select 'presence', presence, count(*) from matching group by presence
          union all
          select 'hardware_class', hardware_class, count(*) from matching group by hardware_class
          union all
          select 'model.' || m.model, m.version, count(*)
          from matching
          join device_models m on m.device_id = id
          where m.version <> ''
          group by m.model, m.version
          union all
          select 'labels.' || l.key, l.value, count(*)
          from matching, jsonb_each_text(labels) as l
          group by l.key, l.value
        ),
        ranked as (
          select field, value, devices, row_number() over (partition by field order by devices desc, value) as place,
            sum(devices) over (partition by field) as of_field, count(*) over (partition by field) as in_field
          from counts
        )
        select field, value, devices, greatest(in_field - $)sql" +
                                                limit + R"sql(, 0) as more
        from ranked
        where place <= $)sql" + limit + " order by of_field desc, field, place limit " +
                                                std::to_string(facet_field_limit * facet_value_limit),
                                            pqxx::prepare::make_dynamic_params(condition.parameters),
                                            facet_value_limit);
  Facets facets;
  for (const auto& row : rows) {
    const auto field = row["field"].as<std::string>();
    const auto devices = row["devices"].as<std::int64_t>();
    if (field.empty()) {
      facets.devices = devices;
      continue;
    }
    if (facets.fields.empty() || facets.fields.back().field != field)
      facets.fields.push_back({field, {}, row["more"].as<std::int64_t>()});
    facets.fields.back().values.push_back({row["value"].as<std::string>(), devices});
  }
  if (facets.fields.size() > facet_field_limit) facets.fields.resize(facet_field_limit);
  return facets;
}

ReadExportPiece::Piece ReadExportPiece::operator()(pqxx::work& transaction) const {
  constexpr std::uint32_t exported_parts = part_latency | part_numbers | part_confidences;
  Piece piece{{}, position};
  ExportPosition& at = piece.next;
  const Level level = level_for(plan->rows_of);
  for (std::size_t statement = 0; statement < export_statements; ++statement) {
    if (at.device >= plan->devices.size() || piece.csv.size() >= export_piece_bytes) break;
    const Instant until = std::min(plan->to, at.from + export_span(level));
    ExportedRows rows(plan->rows_of);
    visit_stored(transaction,
                 {{plan->devices[at.device].id}, plan->model, plan->version, at.from, until, level, exported_parts},
                 [&](TakenWindow&& window) { rows.add(window); });
    rows.append_to(piece.csv);
    at.from = until;
    if (until == plan->to) at = {at.device + 1, plan->from};
  }
  return piece;
}

}  // namespace argosy::server
