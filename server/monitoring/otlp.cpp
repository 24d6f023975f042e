#include "server/monitoring/otlp.hpp"

#include <charconv>
#include <cmath>
#include <utility>

#include "common/json/json_text.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr int cumulative = 2;  // AggregationTemporality

// 64-bit integers are texts in this mapping.
std::string ns(Instant instant) {
  return std::to_string(to_ms(instant)) + "000000";
}

json attributes_of(const MetricLabels& labels) {
  json attributes = json::array();
  for (const auto& [name, value] : labels) attributes.push_back({{"key", name}, {"value", {{"stringValue", value}}}});
  return attributes;
}

json point_of(const MetricSample& sample, Instant now) {
  json point{{"attributes", attributes_of(sample.labels)}, {"timeUnixNano", ns(now)}};
  if (const auto* histogram = std::get_if<MetricHistogram>(&sample.value)) {
    json counts = json::array();
    for (const std::uint64_t count : histogram->counts) counts.push_back(std::to_string(count));
    point["count"] = std::to_string(histogram->total());
    point["sum"] = histogram->sum;
    point["bucketCounts"] = std::move(counts);
    point["explicitBounds"] = histogram->bounds;
  } else {
    point["asDouble"] = std::get<double>(sample.value);
  }
  return point;
}

bool is_finite(const MetricSample& sample) {
  const auto* number = std::get_if<double>(&sample.value);
  return number == nullptr || std::isfinite(*number);
}

// Of UCUM, as the name has it; none for what is counted.
std::string_view unit_of(std::string_view name) {
  constexpr std::string_view of_counter = "_total";
  if (name.ends_with(of_counter)) name.remove_suffix(of_counter.size());
  if (name.ends_with("_seconds")) return "s";
  return name.ends_with("_bytes") ? "By" : "";
}

json metric_of(const FigureFamily& family, Instant since, Instant now) {
  json points = json::array();
  for (const MetricSample& sample : family.samples) {
    if (!is_finite(sample)) continue;  // JSON has no word for it
    points.push_back(point_of(sample, now));
    if (family.kind != MetricKind::gauge) points.back()["startTimeUnixNano"] = ns(since);
  }
  json metric{{"name", family.name}, {"description", family.help}};
  if (const auto unit = unit_of(family.name); !unit.empty()) metric["unit"] = unit;
  switch (family.kind) {
    case MetricKind::gauge:
      metric["gauge"] = {{"dataPoints", std::move(points)}};
      break;
    case MetricKind::counter:
      metric["sum"] = {
          {"dataPoints", std::move(points)}, {"aggregationTemporality", cumulative}, {"isMonotonic", true}};
      break;
    case MetricKind::histogram:
      metric["histogram"] = {{"dataPoints", std::move(points)}, {"aggregationTemporality", cumulative}};
      break;
  }
  return metric;
}

// A whole number, written as a text or not.
std::int64_t number_of(const json& value) {
  if (value.is_number_integer()) return value.get<std::int64_t>();
  std::int64_t number = 0;
  if (const auto* text = value.get_ptr<const std::string*>())
    std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

}  // namespace

std::string otlp_request(const OtlpResource& resource, const std::vector<FigureFamily>& families, Instant since,
                         Instant now) {
  json metrics = json::array();
  for (const FigureFamily& family : families)
    if (!family.samples.empty()) metrics.push_back(metric_of(family, since, now));
  const json scope{{"name", resource.service_name}, {"version", resource.service_version}};
  const json of_resource{{"attributes", attributes_of({{"service.name", resource.service_name},
                                                       {"service.version", resource.service_version},
                                                       {"service.instance.id", resource.instance_id}})}};
  json scope_metrics = json::array();
  scope_metrics.push_back({{"scope", scope}, {"metrics", std::move(metrics)}});
  json resource_metrics = json::array();
  resource_metrics.push_back({{"resource", of_resource}, {"scopeMetrics", std::move(scope_metrics)}});
  return write_json({{"resourceMetrics", std::move(resource_metrics)}});
}

std::optional<OtlpPartialSuccess> partial_success_of(std::string_view answer) {
  const auto parsed = parse_json(answer);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  const auto part = parsed->find("partialSuccess");
  if (part == parsed->end() || !part->is_object()) return std::nullopt;
  OtlpPartialSuccess partial;
  if (part->contains("rejectedDataPoints")) partial.rejected_points = number_of((*part)["rejectedDataPoints"]);
  if (const auto message = part->find("errorMessage"); message != part->end() && message->is_string())
    partial.message = message->get<std::string>().substr(0, 500);
  if (partial.rejected_points == 0 && partial.message.empty()) return std::nullopt;
  return partial;
}

bool is_worth_another_try(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace argosy::server
