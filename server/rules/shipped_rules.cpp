#include <algorithm>
#include <chrono>

#include "server/rules/rule.hpp"

namespace argosy::server {

namespace {

using namespace std::chrono_literals;

Rule by_own_judge(const char* name, const char* title, RuleSeverity severity) {
  Rule rule;
  rule.name = name;
  rule.title = title;
  rule.severity = severity;
  rule.judge = RuleJudge::own;
  return rule;
}

Rule of_metric(const char* name, const char* title, const char* metric, RuleCondition condition, Duration lasts,
               RuleSeverity severity) {
  Rule rule;
  rule.name = name;
  rule.title = title;
  rule.metric = metric;
  rule.condition = condition;
  rule.lasts = lasts;
  rule.severity = severity;
  return rule;
}

Rule with_judge(Rule rule, RuleJudge judge) {
  rule.judge = judge;
  return rule;
}

Threshold above(double at, double clear_at) {
  return {true, at, clear_at};
}

std::vector<Rule> make_shipped_rules() {
  constexpr auto warning = RuleSeverity::warning;
  constexpr auto critical = RuleSeverity::critical;
  return {
      with_judge(of_metric("latency_doubled", "Latency has doubled for this hour of the day", "latency_p95",
                           AgainstUsual{2, 6, 1.5}, 0s, warning),
                 RuleJudge::latency),
      by_own_judge("accuracy_low", "Accuracy is under what its release was validated with", critical),
      by_own_judge("gone_dark", "A device has gone dark", critical),
      by_own_judge("site_dark", "Much of a site has gone dark", critical),
      by_own_judge("drift", "The input of a model has drifted", warning),
      by_own_judge("input_contract", "The input of a model breaks its contract", warning),
      by_own_judge("identity_shared", "Two agents use one identity", critical),
      by_own_judge("rollout_paused", "A rollout is paused and waits for somebody", warning),
      by_own_judge("rollout_halted", "A rollout was halted, with devices of both kinds in the field", warning),
      of_metric("disk_full_soon", "The disk will be full within two days", "health.disk_free_mb", Trend{0, 48}, 0s,
                warning),
      of_metric("disk_worn", "The disk is near the end of its rated life", "health.disk_wear_percent", above(90, 80),
                10min, warning),
      of_metric("too_hot", "The processor is hotter than 90 °C", "health.cpu_temperature_c", above(90, 80), 5min,
                warning),
      of_metric("throttled", "The processor is held back because of heat", "health.throttled", above(1, 0.5), 5min,
                warning),
      of_metric("memory_full", "Memory is nearly used up", "health.memory_used_percent", above(95, 90), 10min, warning),
      of_metric("clock_off", "The clock is more than ten seconds off", "health.clock_error_ms", above(10'000, 5'000),
                5min, warning),
      of_metric("outbox_full", "Telemetry piles up on the device", "health.outbox_records", above(10'000, 1'000), 1h,
                warning),
      with_judge(of_metric("certificate_expires", "A certificate was not renewed in time", "", Threshold{false, 14, 14},
                           0s, critical),
                 RuleJudge::certificates),
  };
}

}  // namespace

const std::vector<Rule>& shipped_rules() {
  static const std::vector<Rule> rules = make_shipped_rules();
  return rules;
}

const Rule* shipped_rule(std::string_view name) {
  const auto& rules = shipped_rules();
  const auto found = std::find_if(rules.begin(), rules.end(), [name](const Rule& rule) { return rule.name == name; });
  return found == rules.end() ? nullptr : &*found;
}

}  // namespace argosy::server
