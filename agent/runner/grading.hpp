// One measurement as it goes: answers come in the order in which samples are tried and are held against what is right
// for each. Keeps numbers, never a sample. One thread; the data set outlives it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/runner/grader.hpp"
#include "agent/runner/percentile.hpp"
#include "common/wire/metric_rule.hpp"

namespace argosy::agent {

struct Measured {
  std::optional<double> value;
  std::optional<Interval> interval;
  std::size_t samples = 0;         // that were tried
  std::size_t samples_in_set = 0;  // of so many
  std::optional<std::uint64_t> correct;
  std::uint64_t unusable = 0;  // samples that were answered with what is no number, or, except in scores, not finite
  LatencySummary latency_ms;
  std::vector<std::size_t> worst;
  std::optional<CalibrationCounts> calibration;  // where answers are held against labels
  std::vector<std::string> notes;                // what whoever reads the value should know
};

class Grading {
 public:
  // As make_grader().
  static Result<Grading> make(const Dataset& data, const std::string& metric, int keep_worst,
                              const std::optional<std::filesystem::path>& program = std::nullopt);
  Result<void> add(std::size_t sample, const Answer& answer, double latency_ms);
  std::size_t answered() const { return latencies_ms_.size(); }
  // After the last sample. A metric that compares samples with each other takes time here, and stops at the deadline.
  Result<Measured> finish(const Deadline& deadline = {});

 private:
  Grading(GraderPtr grader, std::string metric, std::size_t samples_in_set, std::size_t keep_worst)
      : grader_(std::move(grader)),
        metric_(std::move(metric)),
        rule_(*wire::metric_rule(metric_)),
        samples_in_set_(samples_in_set),
        worst_(keep_worst) {}
  std::vector<std::string> notes() const;

  GraderPtr grader_;
  std::string metric_;
  wire::MetricRule rule_;
  std::size_t samples_in_set_;
  WorstSamples worst_;
  std::uint64_t unusable_ = 0;
  std::vector<double> latencies_ms_;
};

}  // namespace argosy::agent
