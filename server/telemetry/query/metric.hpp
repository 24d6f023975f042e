// What may be asked of telemetry: the names of metrics, what each needs of a window, and what one device has to say of
// it in one stretch of time. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/stats/accuracy.hpp"
#include "common/stats/device_rows.hpp"
#include "common/stats/log_histogram.hpp"
#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

struct Metric {
  enum class Kind : std::uint8_t {
    latency,
    throughput,
    error_rate,
    accuracy,
    estimated_accuracy,
    confidence,
    number,
    health
  };
  Kind kind = Kind::latency;
  double quantile = 0.95;  // of latency
  std::string key = {};    // a program's number, or a measure of health
  friend bool operator==(const Metric&, const Metric&) = default;
};

// latency_p50, latency_p95, latency_p99, throughput, error_rate, accuracy (of labels at inference and later),
// estimated_accuracy (without labels), confidence, numbers.NAME and health.MEASURE.
// Errc::invalid_argument for another, with what there is.
Result<Metric> parse_metric(std::string_view text);
std::string to_text(const Metric& metric);
std::string_view unit_of(const Metric& metric);  // empty where only the program knows
std::uint32_t parts_of(const Metric& metric);    // WindowParts without which it cannot be told

enum class Worse : std::uint8_t { higher, lower };
Worse worse_of(const Metric& metric);  // of numbers and health, where nobody knows, higher
// From how many observations on one device may count as one of the worst.
std::uint64_t least_samples(const Metric& metric);

// What one device measured, added up. Its value is one that a single window over all would have had.
struct Measured {
  double sum = 0;
  double weight = 0;    // sum / weight is the value, except of latency
  std::uint64_t n = 0;  // observations: inferences, labels, values, samples
  LogHistogram latency = {};
  // Of accuracy alone: how many of the labels came later, how long after, and what is estimated without labels.
  std::uint64_t later = 0;
  WeightedMean delays_s = {};
  WeightedMean estimated = {};

  void add(const Metric& metric, const TakenWindow& window);
  void add(const Metric& metric, TakenWindow&& window);
  void add_samples(double total, std::uint64_t samples);  // of health
  void add_accuracy(const Measured& other);
  std::optional<double> value(const Metric& metric) const;
  // Wilson's 95 % interval, of an accuracy; else nothing.
  std::optional<ShareBounds> bounds(const Metric& metric) const;
};

}  // namespace argosy::server
