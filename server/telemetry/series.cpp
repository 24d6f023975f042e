#include "server/telemetry/series.hpp"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

namespace argosy::server {

namespace {

using nlohmann::json;

constexpr std::array<std::int64_t, 21> round_widths_s{
    1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 14400, 21600, 28800, 43200, 86400};

constexpr double z_of_bounds = 1.96;  // 95 %

std::int64_t round_up_width(std::int64_t seconds) {
  for (const auto width : round_widths_s) {
    if (width >= seconds) return width;
  }
  return (seconds + 86399) / 86400 * 86400;
}

std::int64_t floor_to(std::int64_t value, std::int64_t width) {
  const auto rest = value % width;
  return value - (rest < 0 ? rest + width : rest);
}

double share(std::uint64_t part, std::uint64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

json or_null(const std::optional<double>& value) {
  return value ? json(*value) : json(nullptr);
}

json lower_or_null(const std::optional<ShareBounds>& bounds) {
  return bounds ? json(bounds->lower) : json(nullptr);
}

json upper_or_null(const std::optional<ShareBounds>& bounds) {
  return bounds ? json(bounds->upper) : json(nullptr);
}

json tags_json(const wire::Tags& tags) {
  json all = json::object();
  for (const auto& [key, counts] : tags) all[key] = {{"values", counts.values}, {"other", counts.other}};
  return all;
}

}  // namespace

std::optional<std::size_t> SeriesGrid::step_of(Instant at) const {
  const auto seconds = floor_to(to_ms(at), 1000) / 1000;
  if (seconds < start_s) return std::nullopt;
  const auto step = static_cast<std::size_t>((seconds - start_s) / step_s);
  return step < steps ? std::optional(step) : std::nullopt;
}

SeriesGrid grid_of(Instant from, Instant to, std::size_t points, Duration shortest) {
  const auto from_s = floor_to(to_ms(from), 1000) / 1000;
  const auto to_s = (to_ms(to) + 999) / 1000;
  const auto most = static_cast<std::int64_t>(std::clamp<std::size_t>(points, 2, series_point_limit));
  // One point in hand: the first step may start before `from`.
  const auto asked = (to_s - from_s + most - 2) / (most - 1);
  SeriesGrid grid;
  grid.step_s = round_up_width(std::max<std::int64_t>({1, asked, (shortest.count() + 999) / 1000}));
  grid.start_s = floor_to(from_s, grid.step_s);
  grid.steps = static_cast<std::size_t>((std::max(to_s, from_s + 1) - grid.start_s + grid.step_s - 1) / grid.step_s);
  return grid;
}

void SeriesFold::add(const TakenWindow& row) {
  const auto step = grid_.step_of(row.started_at);
  if (!step) return;
  Cell& cell = cells_[*step];
  cell.count += row.count;
  cell.errors += row.errors;
  const LabelCounts labels = all_labels(row);
  cell.labelled += labels.known;
  cell.correct += labels.right;
  cell.labelled_later += labels_that_came_later(row).known;
  cell.label_delay_s.merge(agents_number(row.numbers, wire::labels_delay_s));
  cell.estimated_accuracy.merge(agents_number(row.numbers, wire::estimated_accuracy));
  cell.seconds += std::max(0.0, std::chrono::duration<double>(row.ended_at - row.started_at).count());
  cell.latency.merge(row.latency);
  cell.confidence.merge(mean_of(row.confidences));
  cell.entropy.merge(mean_of(row.entropy));
  confidences_.merge(row.confidences);
  wire::merge(tags_, row.tags);
  for (const auto& [name, seen] : row.numbers) {
    if (name.starts_with(wire::agents_number_prefix)) continue;
    if (names_.size() >= series_number_limit && !names_.contains(name)) continue;
    names_.insert(name);
    cell.numbers[name].merge(mean_of(seen));
  }
  if (cell.version.empty() || row.started_at >= cell.newest) {
    cell.newest = row.started_at;
    cell.version = row.version;
  }
}

std::vector<SeriesPoint> SeriesFold::points() const {
  std::vector<SeriesPoint> points;
  points.reserve(cells_.size());
  for (const Cell& cell : cells_) {
    SeriesPoint point;
    point.present = !cell.version.empty();
    point.p50 = cell.latency.quantile(0.50);
    point.p95 = cell.latency.quantile(0.95);
    point.p99 = cell.latency.quantile(0.99);
    point.least = cell.latency.quantile(0);
    point.most = cell.latency.quantile(1);
    if (cell.seconds > 0) point.throughput_hz = static_cast<double>(cell.count) / cell.seconds;
    if (cell.count > 0) point.error_rate = share(cell.errors, cell.count);
    if (cell.labelled > 0) {
      point.accuracy = share(cell.correct, cell.labelled);
      point.accuracy_bounds = wilson_bounds(cell.correct, cell.labelled, z_of_bounds);
    }
    if (point.present) point.labelled = cell.labelled;
    if (point.present) point.labelled_later = cell.labelled_later;
    point.label_delay_s = cell.label_delay_s.mean();
    point.estimated_accuracy = cell.estimated_accuracy.mean();
    if (point.estimated_accuracy)
      point.estimated_accuracy_bounds =
          wilson_bounds_of_share(*point.estimated_accuracy, cell.estimated_accuracy.weight, z_of_bounds);
    point.confidence = cell.confidence.mean();
    point.entropy = cell.entropy.mean();
    for (const auto& [name, mean] : cell.numbers)
      if (const auto value = mean.mean()) point.numbers.emplace(name, *value);
    point.version = cell.version;
    points.push_back(std::move(point));
  }
  return points;
}

std::string series_to_json(const Series& series) {
  json t = json::array(), p50 = json::array(), p95 = json::array(), p99 = json::array(), throughput = json::array();
  json errors = json::array(), accuracy = json::array(), labelled = json::array(), version = json::array();
  json accuracy_lower = json::array(), accuracy_upper = json::array(), labelled_later = json::array();
  json label_delay = json::array(), estimated = json::array(), estimated_lower = json::array();
  json estimated_upper = json::array();
  json confidence = json::array(), entropy = json::array(), least = json::array(), most = json::array();
  std::map<std::string, json> numbers;
  for (const SeriesPoint& point : series.points)
    for (const auto& [name, mean] : point.numbers) numbers.emplace(name, json::array());
  const auto is_present = [&](std::size_t step) { return step < series.points.size() && series.points[step].present; };
  for (std::size_t step = 0; step < series.points.size(); ++step) {
    const SeriesPoint& point = series.points[step];
    const bool silence_begins =
        step > 0 && is_present(step - 1) && !point.present && !is_present(step + 1) && step + 1 < series.points.size();
    if (!point.present && !silence_begins) continue;
    t.push_back(series.grid.start_s + static_cast<std::int64_t>(step) * series.grid.step_s);
    p50.push_back(or_null(point.p50));
    p95.push_back(or_null(point.p95));
    p99.push_back(or_null(point.p99));
    least.push_back(or_null(point.least));
    most.push_back(or_null(point.most));
    throughput.push_back(or_null(point.throughput_hz));
    errors.push_back(or_null(point.error_rate));
    accuracy.push_back(or_null(point.accuracy));
    accuracy_lower.push_back(lower_or_null(point.accuracy_bounds));
    accuracy_upper.push_back(upper_or_null(point.accuracy_bounds));
    labelled_later.push_back(point.labelled_later ? json(*point.labelled_later) : json(nullptr));
    label_delay.push_back(or_null(point.label_delay_s));
    estimated.push_back(or_null(point.estimated_accuracy));
    estimated_lower.push_back(lower_or_null(point.estimated_accuracy_bounds));
    estimated_upper.push_back(upper_or_null(point.estimated_accuracy_bounds));
    labelled.push_back(point.labelled ? json(*point.labelled) : json(nullptr));
    confidence.push_back(or_null(point.confidence));
    entropy.push_back(or_null(point.entropy));
    for (auto& [name, column] : numbers) {
      const auto found = point.numbers.find(name);
      column.push_back(found == point.numbers.end() ? json(nullptr) : json(found->second));
    }
    version.push_back(point.present ? json(point.version) : json(nullptr));
  }
  json health{{"t", series.health.t}};
  for (const auto& [name, values] : series.health.columns) {
    json column = json::array();
    for (const auto& value : values) column.push_back(or_null(value));
    health[name] = std::move(column);
  }
  json markers = json::array();
  for (const auto& marker : series.markers)
    markers.push_back({{"t", to_ms(marker.at) / 1000}, {"kind", marker.kind}, {"label", marker.label}});
  return json{{"model", series.model},
              {"t", std::move(t)},
              {"step_s", series.grid.step_s},
              {"latency",
               {{"p50", std::move(p50)},
                {"p95", std::move(p95)},
                {"p99", std::move(p99)},
                {"min", std::move(least)},
                {"max", std::move(most)}}},
              {"throughput_hz", std::move(throughput)},
              {"error_rate", std::move(errors)},
              {"accuracy", std::move(accuracy)},
              {"accuracy_lower", std::move(accuracy_lower)},
              {"accuracy_upper", std::move(accuracy_upper)},
              {"labelled", std::move(labelled)},
              {"labelled_later", std::move(labelled_later)},
              {"label_delay_s", std::move(label_delay)},
              {"estimated_accuracy", std::move(estimated)},
              {"estimated_accuracy_lower", std::move(estimated_lower)},
              {"estimated_accuracy_upper", std::move(estimated_upper)},
              {"confidence", std::move(confidence)},
              {"confidence_bins", series.confidences.count() > 0 ? json(series.confidences.bins) : json(nullptr)},
              {"entropy", std::move(entropy)},
              {"tags", tags_json(series.tags)},
              {"numbers", std::move(numbers)},
              {"version", std::move(version)},
              {"health", std::move(health)},
              {"markers", std::move(markers)}}
      .dump();
}

}  // namespace argosy::server
