#include "server/telemetry/query/metric.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "common/base/text.hpp"
#include "common/wire/health.hpp"
#include "server/telemetry/window_figures.hpp"

namespace argosy::server {

namespace {

struct NamedMetric {
  std::string_view name;
  Metric::Kind kind;
  double quantile;
  std::string_view unit;
};
constexpr std::array<NamedMetric, 8> named_metrics{{
    {"latency_p50", Metric::Kind::latency, 0.50, "ms"},
    {"latency_p95", Metric::Kind::latency, 0.95, "ms"},
    {"latency_p99", Metric::Kind::latency, 0.99, "ms"},
    {"throughput", Metric::Kind::throughput, 0, "/s"},
    {"error_rate", Metric::Kind::error_rate, 0, "share"},
    {"accuracy", Metric::Kind::accuracy, 0, "share"},
    {"estimated_accuracy", Metric::Kind::estimated_accuracy, 0, "share"},
    {"confidence", Metric::Kind::confidence, 0, "share"},
}};
constexpr std::string_view number_prefix = "numbers.";
constexpr std::string_view health_prefix = "health.";

struct UnitOfMeasure {
  std::string_view ending;
  std::string_view unit;
};
constexpr std::array<UnitOfMeasure, 8> units_of_health{{{"_percent", "%"},
                                                        {"_mb", "MB"},
                                                        {"_c", "°C"},
                                                        {"_bytes", "B"},
                                                        {"_s", "s"},
                                                        {"_ms", "ms"},
                                                        {"_w", "W"},
                                                        {"_mbps", "Mbit/s"}}};

const NamedMetric* named(const Metric& metric) {
  const auto found = std::find_if(named_metrics.begin(), named_metrics.end(), [&](const NamedMetric& each) {
    return each.kind == metric.kind && (metric.kind != Metric::Kind::latency || each.quantile == metric.quantile);
  });
  return found == named_metrics.end() ? nullptr : &*found;
}

bool is_health_measure(std::string_view name) {
  return std::any_of(wire::health_fields.begin(), wire::health_fields.end(),
                     [name](const wire::HealthField& field) { return field.name == name; });
}

double as_double(std::uint64_t count) {
  return static_cast<double>(count);
}

}  // namespace

Result<Metric> parse_metric(std::string_view text) {
  for (const auto& each : named_metrics)
    if (each.name == text) return Metric{each.kind, each.quantile, {}};
  if (text.starts_with(number_prefix) && wire::is_number_name(text.substr(number_prefix.size())))
    return Metric{Metric::Kind::number, 0, std::string(text.substr(number_prefix.size()))};
  if (text.starts_with(health_prefix) && is_health_measure(text.substr(health_prefix.size())))
    return Metric{Metric::Kind::health, 0, std::string(text.substr(health_prefix.size()))};
  return make_error(
      Errc::invalid_argument,
      "there is no metric \"" + shortened(std::string(text)) +
          "\"; there are latency_p50, latency_p95, latency_p99, throughput, error_rate, accuracy, "
          "estimated_accuracy, confidence, numbers.NAME of a program, and health.MEASURE such as health.cpu_percent");
}

std::string to_text(const Metric& metric) {
  if (metric.kind == Metric::Kind::number) return std::string(number_prefix) + metric.key;
  if (metric.kind == Metric::Kind::health) return std::string(health_prefix) + metric.key;
  const auto* found = named(metric);
  return found ? std::string(found->name) : std::string();
}

std::string_view unit_of(const Metric& metric) {
  if (metric.kind == Metric::Kind::health)
    for (const auto& [ending, unit] : units_of_health)
      if (metric.key.ends_with(ending)) return unit;
  const auto* found = named(metric);
  return found ? found->unit : std::string_view{};
}

std::uint32_t parts_of(const Metric& metric) {
  switch (metric.kind) {
    case Metric::Kind::latency:
      return part_latency;
    case Metric::Kind::confidence:
      return part_confidences;
    case Metric::Kind::accuracy:  // labels that came later are a number
    case Metric::Kind::estimated_accuracy:
    case Metric::Kind::number:
      return part_numbers;
    default:
      return 0;
  }
}

Worse worse_of(const Metric& metric) {
  switch (metric.kind) {
    case Metric::Kind::throughput:
    case Metric::Kind::accuracy:
    case Metric::Kind::estimated_accuracy:
    case Metric::Kind::confidence:
      return Worse::lower;
    default:
      return Worse::higher;
  }
}

std::uint64_t least_samples(const Metric& metric) {
  if (metric.kind == Metric::Kind::latency && metric.quantile > 0.95) return 100;
  if (metric.kind == Metric::Kind::health) return 3;
  return metric.kind == Metric::Kind::number ? 5 : 20;
}

void Measured::add(const Metric& metric, TakenWindow&& window) {
  if (metric.kind != Metric::Kind::latency || !latency.empty())
    return add(metric, static_cast<const TakenWindow&>(window));
  n += window.latency.count();
  latency = std::move(window.latency);
}

void Measured::add(const Metric& metric, const TakenWindow& window) {
  WeightedMean mean;
  switch (metric.kind) {
    case Metric::Kind::latency:
      n += window.latency.count();
      latency.merge(window.latency);
      return;
    case Metric::Kind::throughput:
      n += window.count;
      sum += as_double(window.count);
      weight += std::max(0.0, std::chrono::duration<double>(window.ended_at - window.started_at).count());
      return;
    case Metric::Kind::error_rate:
      n += window.count;
      sum += as_double(std::min(window.errors, window.count));
      weight += as_double(window.count);
      return;
    case Metric::Kind::accuracy: {
      const LabelCounts labels = all_labels(window);
      n += labels.known;
      sum += as_double(labels.right);
      weight += as_double(labels.known);
      later += labels_that_came_later(window).known;
      delays_s.merge(agents_number(window.numbers, wire::labels_delay_s));
      estimated.merge(agents_number(window.numbers, wire::estimated_accuracy));
      return;
    }
    case Metric::Kind::estimated_accuracy:
      mean = agents_number(window.numbers, wire::estimated_accuracy);
      break;
    case Metric::Kind::confidence:
      mean = mean_of(window.confidences);
      break;
    case Metric::Kind::number:
      if (const auto found = window.numbers.find(metric.key); found != window.numbers.end())
        mean = mean_of(found->second);
      break;
    case Metric::Kind::health:
      return;  // is in no window
  }
  n += static_cast<std::uint64_t>(mean.weight);
  sum += mean.sum;
  weight += mean.weight;
}

void Measured::add_samples(double total, std::uint64_t samples) {
  n += samples;
  sum += total;
  weight += as_double(samples);
}

void Measured::add_accuracy(const Measured& other) {
  n += other.n;
  sum += other.sum;
  weight += other.weight;
  later += other.later;
  delays_s.merge(other.delays_s);
  estimated.merge(other.estimated);
}

std::optional<double> Measured::value(const Metric& metric) const {
  if (metric.kind == Metric::Kind::latency) return latency.quantile(metric.quantile);
  if (weight <= 0) return std::nullopt;
  return sum / weight;
}

std::optional<ShareBounds> Measured::bounds(const Metric& metric) const {
  constexpr double z = 1.96;
  if (metric.kind != Metric::Kind::accuracy && metric.kind != Metric::Kind::estimated_accuracy) return std::nullopt;
  if (weight <= 0) return std::nullopt;
  return wilson_bounds_of_share(sum / weight, weight, z);
}

}  // namespace argosy::server
