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
  enum class Against : std::uint8_t { nothing, labels, outputs, answers };  // answers: whole ones, with their shapes
  Against against = Against::labels;
  bool higher_is_better = true;
  std::size_t places = 1;     // of an accuracy: the label counts when it is among so many highest scores; of a recall
  bool needs_scores = false;  // a class alone is not enough of an answer
  bool either_way = false;    // which way is better is the release's to say
  friend bool operator==(const MetricRule&, const MetricRule&) = default;
};

// accuracy, topK_accuracy (K from 1 to 1000), f1, iou, dice, roc_auc, pr_auc, average_precision: against labels. mae,
// mse, cosine, max_abs_difference: against golden outputs. map, map50, map75, wer, perplexity, recall_at_K, exec-NAME:
// whole answers. none: only latencies, and whether outputs are finite. Nothing for another name.
std::optional<MetricRule> metric_rule(std::string_view name);

// The NAME of "exec-NAME": a program that the owner of a device has put there; 1 to 64 of a-z, 0-9, - and _.
std::optional<std::string_view> metric_program(std::string_view name);

// "metric 'x' is unknown: use accuracy, ..."
std::string unknown_metric(std::string_view name);

// What contradicts itself in it, as a sentence; nothing when all is well.
std::optional<std::string> contradiction_in(const ValidationSpec& spec);

}  // namespace argosy::wire
