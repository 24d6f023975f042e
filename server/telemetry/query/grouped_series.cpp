#include "server/telemetry/query/grouped_series.hpp"

#include <nlohmann/json.hpp>

namespace argosy::server {

namespace {

using Document = nlohmann::json;

Document null_or(const std::optional<double>& value) {
  return value ? Document(*value) : Document(nullptr);
}

template <class Of>
Document column_of(const std::vector<GroupPoint>& points, Of of) {
  Document column = Document::array();
  for (const GroupPoint& point : points) column.push_back(of(point));
  return column;
}

Document line_json(const GroupLine& line, bool with_percentiles) {
  const auto values = [&](std::optional<double> GroupPoint::*member) {
    return column_of(line.points, [member](const GroupPoint& point) { return null_or(point.*member); });
  };
  Document document{
      {"group", line.name},
      {"devices", line.devices},
      {"n", line.n},
      {"value", values(&GroupPoint::value)},
      {"min", values(&GroupPoint::least)},
      {"max", values(&GroupPoint::most)},
      {"samples", column_of(line.points, [](const GroupPoint& point) { return Document(point.n); })},
      {"reporting", column_of(line.points, [](const GroupPoint& point) { return Document(point.devices); })}};
  if (with_percentiles) {
    document["p50"] = values(&GroupPoint::p50);
    document["p95"] = values(&GroupPoint::p95);
    document["p99"] = values(&GroupPoint::p99);
  }
  return document;
}

bool has_percentiles(const Metric& metric) {
  return metric.kind == Metric::Kind::latency;
}

Instant start_of(const SeriesGrid& grid, std::size_t step) {
  return instant_from_ms((grid.start_s + static_cast<std::int64_t>(step) * grid.step_s) * 1000);
}

void append_line(CsvWriter& out, const GroupedSeries& series, const GroupLine& line) {
  for (std::size_t step = 0; step < line.points.size(); ++step) {
    const GroupPoint& point = line.points[step];
    if (!point.value) continue;
    out.text(to_rfc3339(start_of(series.grid, step)))
        .text(line.name)
        .text(to_text(series.metric))
        .number(point.value)
        .number(point.least)
        .number(point.most)
        .count(point.n)
        .count(point.devices);
    if (has_percentiles(series.metric)) out.number(point.p50).number(point.p95).number(point.p99);
    out.end_row();
  }
}

std::string means_json(const wire::Numbers& numbers) {
  if (numbers.empty()) return {};
  Document means = Document::object();
  for (const auto& [name, seen] : numbers) means[name] = null_or(mean_of(seen).mean());
  return means.dump();
}

}  // namespace

std::string grouped_series_to_json(const GroupedSeries& series) {
  Document t = Document::array(), groups = Document::array();
  for (std::size_t step = 0; step < series.grid.steps; ++step)
    t.push_back(series.grid.start_s + static_cast<std::int64_t>(step) * series.grid.step_s);
  const bool with_percentiles = has_percentiles(series.metric);
  for (const GroupLine& line : series.lines.groups) groups.push_back(line_json(line, with_percentiles));
  Document other = nullptr;
  if (series.lines.other) {
    other = line_json(*series.lines.other, with_percentiles);
    other["groups"] = series.lines.others;
  }
  return Document{{"metric", to_text(series.metric)},
                  {"unit", unit_of(series.metric)},
                  {"by", to_text(series.grouping)},
                  {"step_s", series.grid.step_s},
                  {"devices", series.devices},
                  {"rows", series.rows},
                  {"t", std::move(t)},
                  {"groups", std::move(groups)},
                  {"other", std::move(other)}}
      .dump();
}

std::string grouped_series_to_csv(const GroupedSeries& series) {
  CsvWriter out;
  for (const char* name : {"time", "group", "metric", "value", "min", "max", "samples", "devices"}) out.text(name);
  if (has_percentiles(series.metric)) out.text("p50").text("p95").text("p99");
  out.end_row();
  for (const GroupLine& line : series.lines.groups) append_line(out, series, line);
  if (series.lines.other) append_line(out, series, *series.lines.other);
  return out.take();
}

std::string worst_devices_to_json(const WorstDevices& worst) {
  Document items = Document::array();
  for (const auto& [device, value, n, bounds, later, delay_s] : worst.items) {
    Document item{{"device_id", device}, {"value", value}, {"n", n}};
    if (bounds) item.update({{"lower", bounds->lower}, {"upper", bounds->upper}});
    if (worst.metric.kind == Metric::Kind::accuracy) item.update({{"later", later}, {"delay_s", null_or(delay_s)}});
    items.push_back(std::move(item));
  }
  return Document{{"metric", to_text(worst.metric)},
                  {"unit", unit_of(worst.metric)},
                  {"worse", worst.worse == Worse::higher ? "higher" : "lower"},
                  {"from", to_rfc3339(worst.from)},
                  {"to", to_rfc3339(worst.to)},
                  {"least_samples", worst.least_samples},
                  {"devices", worst.devices},
                  {"measured", worst.measured},
                  {"with_too_few", worst.with_too_few},
                  {"items", std::move(items)}}
      .dump();
}

std::string window_csv_head() {
  CsvWriter out;
  for (const char* name : {"device_id", "model", "version", "started_at", "ended_at", "inferences", "errors",
                           "labelled", "correct", "latency_p50", "latency_p95", "latency_p99", "confidence", "numbers"})
    out.text(name);
  out.end_row();
  return out.take();
}

void append_window(CsvWriter& out, const TakenWindow& window) {
  out.text(window.device)
      .text(window.model)
      .text(window.version)
      .text(to_rfc3339(window.started_at))
      .text(to_rfc3339(window.ended_at))
      .count(window.count)
      .count(window.errors)
      .count(window.labelled)
      .count(window.correct)
      .number(window.latency.quantile(0.50))
      .number(window.latency.quantile(0.95))
      .number(window.latency.quantile(0.99))
      .number(mean_of(window.confidences).mean())
      .text(means_json(window.numbers))
      .end_row();
}

}  // namespace argosy::server
