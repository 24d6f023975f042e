// Judges a model's answers to a data set's samples, one after another, as one metric has it. What names and shapes of
// outputs and arrays leave open is settled by the data set's settings; what cannot be settled is refused with both
// sides named. One thread; the data set outlives it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/runner/answer.hpp"
#include "agent/runner/dataset.hpp"
#include "agent/runner/metric.hpp"
#include "agent/runner/sampling.hpp"
#include "common/stats/calibration.hpp"

namespace argosy::agent {

// What became of one sample.
struct Mark {
  double margin = 0;      // how well it went, lower is worse
  bool is_usable = true;  // false: an answer that is no number, or not finite where only a score may be infinite
};

class Grader {
 public:
  virtual ~Grader() = default;
  // Errc::incompatible when the answer cannot be held against what is right, Errc::corrupt when the data set is at
  // fault.
  virtual Result<Mark> add(std::size_t sample, const Answer& answer) = 0;
  // After the last sample; what has to see all of them does its work here, until the deadline.
  virtual Result<void> finish(const Deadline&) { return {}; }
  virtual std::optional<double> value() const = 0;
  virtual std::optional<std::uint64_t> correct() const { return std::nullopt; }
  virtual std::optional<Interval> interval() const { return std::nullopt; }
  virtual const CalibrationCounts* calibration() const { return nullptr; }
  // What whoever reads the value should know, a sentence each.
  virtual std::vector<std::string> notes() const { return {}; }
};

using GraderPtr = std::unique_ptr<Grader>;

// By the metric's name, of common/wire/metric_rule.hpp. `program` runs a metric exec-NAME. Errc::invalid_argument for
// an unknown metric, Errc::corrupt when the data set does not hold what it compares with, Errc::unavailable without the
// program.
Result<GraderPtr> make_grader(const Dataset& data, const std::string& metric,
                              const std::optional<std::filesystem::path>& program = std::nullopt);

// The kinds, each for itself.
Result<GraderPtr> make_class_grader(const Dataset& data, const std::string& metric);
Result<GraderPtr> make_golden_grader(const Dataset& data, const std::string& metric);
Result<GraderPtr> make_detection_grader(const Dataset& data, const std::string& metric);
Result<GraderPtr> make_word_error_grader(const Dataset& data);
Result<GraderPtr> make_perplexity_grader(const Dataset& data);
Result<GraderPtr> make_recall_grader(const Dataset& data, std::size_t places);
Result<GraderPtr> make_program_grader(const Dataset& data, const std::string& name,
                                      const std::filesystem::path& program);

// The output that is judged: the one of that name, or the first that `suits`; else Errc::incompatible, naming them all.
Result<const Output*> find_output(const Answer& answer, const std::string& name, bool (*suits)(const Output&),
                                  const char* needed);
std::string describe(const Output& output);  // "'scores' float32 [10]"
bool is_finite(const Output& output);

// "metric f1 needs labels in the data set's y, and there is none": what a metric misses.
Error does_not_fit(const Dataset& data, const std::string& metric, const std::string& needed);

}  // namespace argosy::agent
