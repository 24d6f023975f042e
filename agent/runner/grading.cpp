#include "agent/runner/grading.hpp"

#include <algorithm>
#include <cmath>

namespace argosy::agent {
namespace {

using Against = wire::MetricRule::Against;

// Minus infinity is a fair score of a class; anywhere else an infinity is a fault.
bool is_usable(std::span<const float> answer, Against against) {
  return std::all_of(answer.begin(), answer.end(), [&](float value) {
    return against == Against::labels ? !std::isnan(value) : std::isfinite(value);
  });
}

Error does_not_fit(const Dataset& data, const std::string& metric, const std::string& needed) {
  return make_error(Errc::corrupt, "metric " + metric + " needs " + needed + " in the data set's y, and " +
                                       (data.truths() == Dataset::Truths::none ? "there is no y"
                                                                               : "that is " + data.describe_truths()));
}

}  // namespace

Result<Truths> Truths::make(const Dataset& data, const std::string& metric) {
  const auto rule = wire::metric_rule(metric);
  if (!rule) return make_error(Errc::invalid_argument, wire::unknown_metric(metric));
  if (rule->against == Against::labels && data.truths() != Dataset::Truths::labels)
    return does_not_fit(data, metric, "labels, which are integers,");
  if (rule->against == Against::outputs && data.truths() != Dataset::Truths::outputs)
    return does_not_fit(data, metric, "golden outputs, which are float32 or float64,");
  Truths truths(data, *rule);
  if (rule->against == Against::outputs) truths.golden_.resize(data.values_per_output());
  return truths;
}

Result<Truth> Truths::of(std::size_t sample, std::size_t values) {
  const auto name = [&] { return "sample " + std::to_string(sample); };
  if (rule_.against == Against::nothing) return Truth{};
  if (rule_.against == Against::labels) {
    const std::int64_t label = data_->label(sample);
    if (label >= 0 && static_cast<std::size_t>(label) < values) return Truth{static_cast<std::size_t>(label), {}};
    return make_error(Errc::incompatible,
                      "the label of " + name() + " is none of the model's " + std::to_string(values) + " classes");
  }
  if (values != golden_.size())
    return make_error(Errc::incompatible, "the golden output of " + name() + " has " + std::to_string(golden_.size()) +
                                              " values, and the model answers with " + std::to_string(values));
  data_->output(sample, golden_);
  if (std::all_of(golden_.begin(), golden_.end(), [](float value) { return std::isfinite(value); }))
    return Truth{0, golden_};
  return make_error(Errc::corrupt, "the golden output of " + name() + " is not finite");
}

Result<Grading> Grading::make(const Dataset& data, const std::string& metric, int keep_worst) {
  ARGOSY_TRY(Truths truths, Truths::make(data, metric));
  ARGOSY_TRY(auto made, make_metric(metric));
  Grading grading(std::move(truths), std::move(made), *wire::metric_rule(metric), static_cast<std::size_t>(keep_worst));
  grading.latencies_ms_.reserve(data.size());
  return grading;
}

Result<void> Grading::add(std::span<const float> answer, double latency_ms) {
  const std::size_t index = answered();
  ARGOSY_TRY(const Truth truth, truths_.of(index, answer.size()));
  const bool usable = is_usable(answer, rule_.against);
  const float margin = metric_->add(answer, truth);
  if (!usable) ++unusable_;
  if (!usable || rule_.against != Against::nothing) worst_.add(index, margin);
  if (usable && rule_.against == Against::labels) {
    const auto answered = std::max_element(answer.begin(), answer.end()) - answer.begin();
    calibration_.add(confidence_of(answer), static_cast<std::size_t>(answered) == truth.label);
  }
  latencies_ms_.push_back(latency_ms);
  return {};
}

Measured Grading::measured() const {
  return {.value = metric_->value(),
          .samples = answered(),
          .correct = metric_->correct(),
          .unusable = unusable_,
          .latency_ms = summarise(latencies_ms_),
          .worst = worst_.indices(),
          .calibration = rule_.against == Against::labels ? std::optional(calibration_) : std::nullopt};
}

}  // namespace argosy::agent
