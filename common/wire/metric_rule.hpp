// What there is to know of a metric by its name alone: what it compares with, and which way is better. Whoever
// publishes a release, measures a model or judges a measurement asks here. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace argosy::wire {

struct ValidationSpec;

struct MetricRule {
  enum class Against : std::uint8_t { nothing, labels, outputs };
  Against against = Against::labels;
  bool higher_is_better = true;
  std::size_t places = 1;  // of an accuracy: the label counts when it is among so many highest scores
  friend bool operator==(const MetricRule&, const MetricRule&) = default;
};

// accuracy, topK_accuracy (K from 1 to 1000), f1: against labels. mae, mse, cosine, max_abs_difference: against golden
// outputs. none: only latencies, and whether outputs are finite. Nothing for another name.
std::optional<MetricRule> metric_rule(std::string_view name);

// "metric 'x' is unknown: use accuracy, ..."
std::string unknown_metric(std::string_view name);

// What contradicts itself in it, as a sentence; nothing when all is well.
std::optional<std::string> contradiction_in(const ValidationSpec& spec);

}  // namespace argosy::wire
