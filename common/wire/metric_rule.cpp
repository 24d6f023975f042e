#include "common/wire/metric_rule.hpp"

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
constexpr NamedRule named_rules[] = {
    {"accuracy", {Against::labels, true, 1}}, {"f1", {Against::labels, true, 1}},
    {"mae", {Against::outputs, false, 1}},    {"mse", {Against::outputs, false, 1}},
    {"cosine", {Against::outputs, true, 1}},  {"max_abs_difference", {Against::outputs, false, 1}},
    {"none", {Against::nothing, true, 1}},
};

// The K of "topK_accuracy".
std::optional<std::size_t> places_in(std::string_view name) {
  constexpr std::string_view front = "top", back = "_accuracy";
  if (!name.starts_with(front) || !name.ends_with(back) || name.size() <= front.size() + back.size())
    return std::nullopt;
  const std::string_view digits = name.substr(front.size(), name.size() - front.size() - back.size());
  std::size_t places = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), places);
  const bool whole = error == std::errc{} && end == digits.data() + digits.size() && digits.front() != '0';
  return whole && places <= most_places ? std::optional(places) : std::nullopt;
}

}  // namespace

std::optional<MetricRule> metric_rule(std::string_view name) {
  for (const NamedRule& known : named_rules)
    if (known.name == name) return known.rule;
  if (const auto places = places_in(name)) return MetricRule{Against::labels, true, *places};
  return std::nullopt;
}

std::string unknown_metric(std::string_view name) {
  return "metric '" + shortened(name) +
         "' is unknown: use accuracy, topK_accuracy (K from 1 to 1000), f1, mae, mse, cosine, max_abs_difference or "
         "none";
}

std::optional<std::string> contradiction_in(const ValidationSpec& spec) {
  const auto rule = metric_rule(spec.metric);
  if (!rule) return unknown_metric(spec.metric);
  if (rule->against == Against::nothing && (spec.threshold != 0 || spec.max_loss))
    return "metric none has no value: a threshold or max_loss needs another metric";
  if (rule->against != Against::nothing && rule->higher_is_better != spec.higher_is_better)
    return "of " + spec.metric + (rule->higher_is_better ? " higher" : " lower") + " is better, and the direction is " +
           (spec.higher_is_better ? "higher" : "lower");
  return std::nullopt;
}

}  // namespace argosy::wire
