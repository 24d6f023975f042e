#include "common/wire/metric_rule.hpp"

#include <algorithm>
#include <charconv>

#include "common/base/text.hpp"
#include "common/wire/desired.hpp"

namespace argosy::wire {

namespace {

using Against = MetricRule::Against;

constexpr std::size_t most_places = 1000;

struct NamedRule {
  std::string_view name;
  MetricRule rule;
};
constexpr MetricRule scores_of_classes{.against = Against::labels, .needs_scores = true};
constexpr MetricRule whole_answers{.against = Against::answers};
constexpr MetricRule lower_of_answers{.against = Against::answers, .higher_is_better = false};
constexpr NamedRule named_rules[] = {
    {"accuracy", {}},
    {"f1", {}},
    {"iou", {}},
    {"dice", {}},
    {"roc_auc", scores_of_classes},
    {"pr_auc", scores_of_classes},
    {"average_precision", scores_of_classes},
    {"mae", {Against::outputs, false}},
    {"mse", {Against::outputs, false}},
    {"cosine", {Against::outputs, true}},
    {"max_abs_difference", {Against::outputs, false}},
    {"map", whole_answers},
    {"map50", whole_answers},
    {"map75", whole_answers},
    {"wer", lower_of_answers},
    {"perplexity", lower_of_answers},
    {"none", {Against::nothing, true}},
};

// The K of a name such as "topK_accuracy".
std::optional<std::size_t> places_in(std::string_view name, std::string_view front, std::string_view back) {
  if (!name.starts_with(front) || !name.ends_with(back) || name.size() <= front.size() + back.size())
    return std::nullopt;
  const std::string_view digits = name.substr(front.size(), name.size() - front.size() - back.size());
  std::size_t places = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), places);
  const bool whole = error == std::errc{} && end == digits.data() + digits.size() && digits.front() != '0';
  return whole && places <= most_places ? std::optional(places) : std::nullopt;
}

}  // namespace

std::optional<std::string_view> metric_program(std::string_view name) {
  constexpr std::string_view front = "exec-";
  constexpr std::size_t longest = 64;
  if (!name.starts_with(front)) return std::nullopt;
  const std::string_view program = name.substr(front.size());
  const bool is_plain = std::all_of(program.begin(), program.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  return is_plain && !program.empty() && program.size() <= longest ? std::optional(program) : std::nullopt;
}

std::optional<MetricRule> metric_rule(std::string_view name) {
  for (const NamedRule& known : named_rules)
    if (known.name == name) return known.rule;
  if (const auto places = places_in(name, "top", "_accuracy"))
    return MetricRule{.against = Against::labels, .places = *places, .needs_scores = *places > 1};
  if (const auto places = places_in(name, "recall_at_", ""))
    return MetricRule{.against = Against::answers, .places = *places};
  if (metric_program(name)) return MetricRule{.against = Against::answers, .either_way = true};
  return std::nullopt;
}

std::string unknown_metric(std::string_view name) {
  return "metric '" + shortened(name) +
         "' is unknown: use accuracy, topK_accuracy (K from 1 to 1000), f1, iou, dice, roc_auc, pr_auc, "
         "average_precision, mae, mse, cosine, max_abs_difference, map, map50, map75, wer, perplexity, recall_at_K, "
         "exec-NAME or none";
}

std::optional<std::string> contradiction_in(const ValidationSpec& spec) {
  const auto rule = metric_rule(spec.metric);
  if (!rule) return unknown_metric(spec.metric);
  if (rule->against == Against::nothing && (spec.threshold != 0 || spec.max_loss))
    return "metric none has no value: a threshold or max_loss needs another metric";
  if (rule->against != Against::nothing && !rule->either_way && rule->higher_is_better != spec.higher_is_better)
    return "of " + spec.metric + (rule->higher_is_better ? " higher" : " lower") + " is better, and the direction is " +
           (spec.higher_is_better ? "higher" : "lower");
  return std::nullopt;
}

}  // namespace argosy::wire
