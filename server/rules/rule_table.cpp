#include "server/rules/rule_table.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "common/base/random.hpp"

namespace argosy::server {

namespace {

constexpr std::uint64_t least_inferences = 5;  // a share or a percentile of fewer is chance

std::optional<double> share(const std::optional<double>& part, const std::optional<double>& whole) {
  if (!part || !whole || *whole <= 0) return std::nullopt;
  return 100 * *part / *whole;
}

std::optional<double> measured(const ReadyRule& rule, const wire::HealthSample& sample) {
  switch (rule.metric.made) {
    case RuleMetric::Made::memory_used_percent:
      return share(sample.memory_used_mb, sample.memory_total_mb);
    case RuleMetric::Made::disk_free_percent:
      return share(sample.disk_free_mb, sample.disk_total_mb);
    case RuleMetric::Made::clock_error_ms:
      return sample.clock_offset_ms ? std::optional(std::abs(*sample.clock_offset_ms)) : std::nullopt;
    case RuleMetric::Made::no:
      break;
  }
  return rule.measure != nullptr ? sample.*rule.measure : std::nullopt;
}

std::optional<double> wire::HealthSample::*measure_named(std::string_view name) {
  for (const auto& field : wire::health_fields)
    if (field.name == name) return field.member;
  return nullptr;
}

const ReadyRule* found_in(std::span<const ReadyRule> rules, RuleId id) {
  const auto found = std::find_if(rules.begin(), rules.end(), [id](const ReadyRule& rule) { return rule.id == id; });
  return found == rules.end() ? nullptr : &*found;
}

}  // namespace

std::optional<RuleFigure> figure_in(const ReadyRule& rule, const TakenWindow& window) {
  if (!rule.rule.model.empty() && rule.rule.model != window.model) return std::nullopt;
  const auto& metric = rule.metric.of;
  if (metric.kind == Metric::Kind::latency) {
    const auto value = window.latency.quantile(metric.quantile);
    if (!value || window.latency.count() < least_inferences) return std::nullopt;
    return RuleFigure{window.started_at, *value, window.latency.count()};
  }
  Measured sum;
  sum.add(metric, window);
  const auto value = sum.value(metric);
  if (!value || (metric.kind != Metric::Kind::throughput && sum.n < least_inferences)) return std::nullopt;
  return RuleFigure{window.started_at, *value, sum.n};
}

std::optional<RuleFigure> figure_in(const ReadyRule& rule, const TakenHealth& health) {
  const auto value = measured(rule, health.sample);
  if (!value) return std::nullopt;
  return RuleFigure{health.at, *value, 1};
}

RuleTable::RuleTable(const std::vector<KnownRule>& rules) {
  for (const auto& [id, rule] : rules) {
    if (!rule.is_enabled || rule.judge != RuleJudge::engine) continue;
    const auto metric = parse_rule_metric(rule.metric);
    auto filter = parse_filter(rule.filter);
    if (!metric || !filter) continue;
    ReadyRule ready{id, rule, *metric, measure_named(metric->of.key), std::move(*filter)};
    if (metric->is_of_presence()) {
      of_presence_.push_back(std::move(ready));
      continue;
    }
    if (ready.has_filter()) scopes_ = stable_hash(scopes_ + static_cast<std::uint64_t>(id), rule.filter);
    (metric->is_of_health() ? of_health_ : of_windows_).push_back(std::move(ready));
  }
}

const ReadyRule* RuleTable::find(RuleId id) const {
  const auto* of_health = found_in(of_health_, id);
  return of_health != nullptr ? of_health : found_in(of_windows_, id);
}

std::vector<const ReadyRule*> RuleTable::filtered() const {
  std::vector<const ReadyRule*> rules;
  for (const auto* list : {&of_windows_, &of_health_})
    for (const auto& rule : *list)
      if (rule.has_filter()) rules.push_back(&rule);
  return rules;
}

}  // namespace argosy::server
