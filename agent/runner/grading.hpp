// One measurement as it goes: answers come in the order of a data set's samples and are held against what is right for
// each. Keeps numbers, never a sample. One thread; the data set outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/runner/dataset.hpp"
#include "agent/runner/metric.hpp"
#include "agent/runner/percentile.hpp"
#include "common/stats/calibration.hpp"
#include "common/wire/metric_rule.hpp"

namespace argosy::agent {

struct Measured {
  std::optional<double> value;
  std::size_t samples = 0;
  std::optional<std::uint64_t> correct;
  std::uint64_t unusable = 0;  // samples that were answered with what is no number, or, except in scores, not finite
  LatencySummary latency_ms;
  std::vector<std::size_t> worst;
  std::optional<CalibrationCounts> calibration;  // where answers are held against labels
};

// Finds what is right for a sample, as one metric needs it. Its spans stay valid until the next call.
class Truths {
 public:
  // Errc::corrupt when the data set does not hold what the metric compares with.
  static Result<Truths> make(const Dataset& data, const std::string& metric);
  // Errc::incompatible when an answer of `values` values cannot be held against it.
  Result<Truth> of(std::size_t sample, std::size_t values);

 private:
  Truths(const Dataset& data, wire::MetricRule rule) : data_(&data), rule_(rule) {}
  const Dataset* data_;
  wire::MetricRule rule_;
  std::vector<float> golden_;
};

class Grading {
 public:
  // Errc::invalid_argument for an unknown metric; else as Truths.
  static Result<Grading> make(const Dataset& data, const std::string& metric, int keep_worst);
  Result<void> add(std::span<const float> answer, double latency_ms);
  std::size_t answered() const { return latencies_ms_.size(); }
  Measured measured() const;

 private:
  Grading(Truths truths, std::unique_ptr<Metric> metric, wire::MetricRule rule, std::size_t keep_worst)
      : truths_(std::move(truths)), metric_(std::move(metric)), rule_(rule), worst_(keep_worst) {}

  Truths truths_;
  std::unique_ptr<Metric> metric_;
  wire::MetricRule rule_;
  WorstSamples worst_;
  std::uint64_t unusable_ = 0;
  CalibrationCounts calibration_;
  std::vector<double> latencies_ms_;
};

}  // namespace argosy::agent
