#include "agent/runner/grader.hpp"

#include <algorithm>
#include <cmath>

#include "common/base/text.hpp"
#include "common/wire/metric_rule.hpp"

namespace argosy::agent {
namespace {

using Against = wire::MetricRule::Against;

bool is_of_numbers(const Output& output) {
  return !output.values.empty();
}

// Numbers held against numbers.
class GoldenGrader : public Grader {
 public:
  GoldenGrader(const Dataset& data, std::unique_ptr<Metric> metric)
      : data_(&data), y_(&data.truths()->array), metric_(std::move(metric)), golden_(y_->values_per_row()) {}

  Result<Mark> add(std::size_t sample, const Answer& answer) override {
    ARGOSY_TRY(const Output* output, find_output(answer, data_->settings().output, is_of_numbers, "numbers"));
    if (output->values.size() != golden_.size())
      return make_error(Errc::incompatible, "the golden output of sample " + std::to_string(sample) + " has " +
                                                std::to_string(golden_.size()) +
                                                " values, and the model answers with " +
                                                std::to_string(output->values.size()));
    for (std::size_t i = 0; i < golden_.size(); ++i) golden_[i] = y_->at(sample * golden_.size() + i);
    if (!std::all_of(golden_.begin(), golden_.end(), [](double value) { return std::isfinite(value); }))
      return make_error(Errc::corrupt, "the golden output of sample " + std::to_string(sample) + " is not finite");
    return Mark{metric_->add(output->values, {0, golden_}), is_finite(*output)};
  }
  std::optional<double> value() const override { return metric_->value(); }
  std::optional<std::uint64_t> correct() const override { return metric_->correct(); }
  std::optional<Interval> interval() const override { return metric_->interval(); }

 private:
  const Dataset* data_;
  const NpyArray* y_;
  std::unique_ptr<Metric> metric_;
  std::vector<double> golden_;
};

class NoGrader : public Grader {
 public:
  Result<Mark> add(std::size_t, const Answer& answer) override {
    Mark mark;
    for (const Output& output : answer) {
      mark.is_usable = mark.is_usable && is_finite(output);
      if (std::any_of(output.values.begin(), output.values.end(), [](double value) { return std::isnan(value); }))
        mark.margin = -std::numeric_limits<double>::infinity();
    }
    return mark;
  }
  std::optional<double> value() const override { return std::nullopt; }
};

}  // namespace

Error does_not_fit(const Dataset& data, const std::string& metric, const std::string& needed) {
  return make_error(Errc::corrupt,
                    "metric " + metric + " needs " + needed + " in the data set's y, and " +
                        (data.truths() == nullptr ? "there is no y" : "that is " + data.describe_truths()));
}

std::string describe(const Output& output) {
  return "'" + shortened(output.name) + "' " + output.type + " " + describe_shape(output.shape);
}

bool is_finite(const Output& output) {
  return std::all_of(output.values.begin(), output.values.end(), [](double value) { return std::isfinite(value); });
}

Result<const Output*> find_output(const Answer& answer, const std::string& name, bool (*suits)(const Output&),
                                  const char* needed) {
  std::string all;
  for (const Output& output : answer) {
    all += (all.empty() ? "" : ", ") + describe(output);
    if (name.empty() ? suits(output) : output.name == name) return &output;
  }
  return make_error(Errc::incompatible,
                    "the model has no output " +
                        (name.empty() ? std::string("with ") + needed : "'" + shortened(name) + "'") +
                        ": it answers with " + (all.empty() ? "nothing" : shortened(all, 400)));
}

Result<GraderPtr> make_golden_grader(const Dataset& data, const std::string& metric) {
  if (data.truths() == nullptr || is_text(data.truths()->array.type))
    return does_not_fit(data, metric, "golden outputs, which are numbers,");
  ARGOSY_TRY(auto made, make_metric(metric));
  return GraderPtr(std::make_unique<GoldenGrader>(data, std::move(made)));
}

Result<GraderPtr> make_grader(const Dataset& data, const std::string& metric,
                              const std::optional<std::filesystem::path>& program) {
  const auto rule = wire::metric_rule(metric);
  if (!rule) return make_error(Errc::invalid_argument, wire::unknown_metric(metric));
  if (rule->against == Against::nothing) return GraderPtr(std::make_unique<NoGrader>());
  if (rule->against == Against::labels) return make_class_grader(data, metric);
  if (rule->against == Against::outputs) return make_golden_grader(data, metric);
  if (metric == "wer") return make_word_error_grader(data);
  if (metric == "perplexity") return make_perplexity_grader(data);
  if (metric.starts_with("recall_at_")) return make_recall_grader(data, rule->places);
  const auto name = wire::metric_program(metric);
  if (!name) return make_detection_grader(data, metric);
  if (!program)
    return make_error(Errc::unavailable,
                      "metric " + metric +
                          " is judged by a program of the device's owner, and none is named: " + std::string(*name) +
                          " = \"/path\" under [validation.metrics] of the agent's "
                          "configuration, or --metric-program");
  return make_program_grader(data, std::string(*name), *program);
}

}  // namespace argosy::agent
