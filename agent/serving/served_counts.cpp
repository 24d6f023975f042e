#include "agent/serving/served_counts.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "agent/serving/prometheus_text.hpp"

namespace argosy::agent {

namespace {

constexpr std::size_t max_buckets = 128;  // of one version
constexpr double max_count = 1e12;        // more between two looks is no count
constexpr std::uint64_t steps_in_bucket = 16;

// What a sample is, in one server's words.
enum class Meaning : std::uint8_t { nothing, succeeded, failed, sum, bucket, timed };

bool is_inference(std::string_view ovms_method) {
  return ovms_method == "ModelInfer" || ovms_method == "ModelInferStream" || ovms_method == "Predict";
}

Meaning meaning_in_triton(const MetricSample& sample) {
  if (sample.name == "nv_inference_request_success") return Meaning::succeeded;
  if (sample.name == "nv_inference_request_duration_us") return Meaning::sum;
  const bool is_failure = sample.name == "nv_inference_request_failure";
  return is_failure && sample.label("reason") != "CANCELED" ? Meaning::failed : Meaning::nothing;  // its client gave up
}

// Questions for readiness and metadata are counted, too, by their own methods.
Meaning meaning_in_ovms(const MetricSample& sample) {
  if (sample.name == "ovms_request_time_us_bucket") return Meaning::bucket;
  if (sample.name == "ovms_request_time_us_count") return Meaning::timed;
  if (sample.name == "ovms_request_time_us_sum") return Meaning::sum;
  if (!is_inference(sample.label("method"))) return Meaning::nothing;
  if (sample.name == "ovms_requests_success") return Meaning::succeeded;
  return sample.name == "ovms_requests_fail" ? Meaning::failed : Meaning::nothing;
}

// Newer ones have the status in the histogram, too.
Meaning meaning_in_tfserving(const MetricSample& sample) {
  const std::string_view status = sample.label("status");
  if (sample.name == ":tensorflow:serving:request_count") return status == "OK" ? Meaning::succeeded : Meaning::failed;
  if (!status.empty() && status != "OK") return Meaning::nothing;
  if (sample.name == ":tensorflow:serving:request_latency_bucket") return Meaning::bucket;
  if (sample.name == ":tensorflow:serving:request_latency_count") return Meaning::timed;
  return sample.name == ":tensorflow:serving:request_latency_sum" ? Meaning::sum : Meaning::nothing;
}

Meaning meaning_of(ServerKind kind, const MetricSample& sample) {
  switch (kind) {
    case ServerKind::triton:
      return meaning_in_triton(sample);
    case ServerKind::ovms:
      return meaning_in_ovms(sample);
    case ServerKind::tfserving:
      return meaning_in_tfserving(sample);
  }
  return Meaning::nothing;
}

std::string_view model_label(ServerKind kind) {
  if (kind == ServerKind::triton) return "model";
  return kind == ServerKind::ovms ? "name" : "model_name";
}

std::optional<std::uint64_t> number_in(ServerKind kind, const MetricSample& sample) {
  if (kind == ServerKind::tfserving) return 0;
  const std::string_view text = sample.label("version");
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size() || number == 0) return std::nullopt;
  return number;
}

void add_bucket(ServedCounts& counts, const MetricSample& sample) {
  const std::string_view text = sample.label("le");
  double bound = std::numeric_limits<double>::infinity();
  if (text != "+Inf") {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), bound);
    if (failed != std::errc{} || end != text.data() + text.size() || !(bound >= 0)) return;
  }
  if (counts.at_most_us.size() < max_buckets || counts.at_most_us.contains(bound))
    counts.at_most_us[bound] += sample.value;
}

void add_sample(ServedCounts& counts, Meaning meaning, const MetricSample& sample) {
  if (meaning == Meaning::succeeded) counts.succeeded += sample.value;
  if (meaning == Meaning::failed) counts.failed += sample.value;
  if (meaning == Meaning::sum) counts.total_us += sample.value;
  if (meaning == Meaning::timed) counts.timed += sample.value;
  if (meaning == Meaning::bucket) add_bucket(counts, sample);
}

std::uint64_t whole(double change) {
  return change > 0 && change <= max_count ? static_cast<std::uint64_t>(std::llround(change)) : 0;
}

bool went_back(const ServedCounts& before, const ServedCounts& now) {
  return now.succeeded < before.succeeded || now.failed < before.failed || now.timed < before.timed;
}

void spread(LogHistogram& latency_ms, double low_us, double high_us, std::uint64_t count) {
  const std::uint64_t steps = std::min(count, steps_in_bucket);
  for (std::uint64_t i = 0; i < steps; ++i) {
    const double share = (static_cast<double>(i) + 0.5) / static_cast<double>(steps);
    const std::uint64_t in_step = count * (i + 1) / steps - count * i / steps;
    latency_ms.add((low_us + share * (high_us - low_us)) / 1000, in_step);
  }
}

LogHistogram latency_since(const ServedCounts& before, const ServedCounts& now) {
  LogHistogram latency_ms;
  double low_us = 0;
  double seen = 0;  // of this change, in the buckets so far
  for (const auto& [high_us, count] : now.at_most_us) {
    const auto earlier = before.at_most_us.find(high_us);
    const double up_to_here = count - (earlier == before.at_most_us.end() ? 0 : earlier->second);
    spread(latency_ms, low_us, std::isinf(high_us) ? low_us : high_us, whole(up_to_here - seen));
    seen = std::max(seen, up_to_here);
    low_us = high_us;
  }
  return latency_ms;
}

}  // namespace

ServedByVersion read_served(ServerKind kind, std::string_view metrics, const std::set<std::string>& models) {
  ServedByVersion served;
  read_metrics(metrics, [&](const MetricSample& sample) {
    const Meaning meaning = meaning_of(kind, sample);
    if (meaning == Meaning::nothing || !std::isfinite(sample.value) || sample.value < 0) return;
    const std::string model(sample.label(model_label(kind)));
    const auto number = number_in(kind, sample);
    if (number && models.contains(model)) add_sample(served[{model, *number}], meaning, sample);
  });
  return served;
}

ServedSince served_since(const ServedCounts& before_or_reset, const ServedCounts& now) {
  const ServedCounts before = went_back(before_or_reset, now) ? ServedCounts{} : before_or_reset;
  ServedSince since;
  since.errors = whole(now.failed - before.failed);
  std::uint64_t succeeded = whole(now.succeeded - before.succeeded);
  const bool counted = now.succeeded > 0 || now.failed > 0;
  if (!counted) succeeded = whole(now.timed - before.timed);
  since.count = succeeded + since.errors;
  if (!now.at_most_us.empty())
    since.latency_ms = latency_since(before, now);
  else if (const double total_us = now.total_us - before.total_us; succeeded > 0 && total_us >= 0)
    since.latency_ms.add(total_us / static_cast<double>(succeeded) / 1000, succeeded);
  return since;
}

}  // namespace argosy::agent
