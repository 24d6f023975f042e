#include "server/rules/rule.hpp"

#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

const json gpu_hot = {{"name", "gpu_hot"},
                      {"title", "The GPU is too hot"},
                      {"filter", "labels.site = \"north\""},
                      {"metric", "health.gpu_temperature_c"},
                      {"condition", {{"kind", "above"}, {"at", 85}, {"clear_at", 75}}},
                      {"for_s", 120},
                      {"severity", "critical"},
                      {"route", "night-shift"}};

std::string refused(json change, const Rule* known = nullptr) {
  json whole = known != nullptr ? rule_to_json(*known) : gpu_hot;
  whole.merge_patch(change);
  const auto rule = read_rule(whole.dump(), known);
  if (rule) return "";
  const auto field = named_field(rule.error());
  return field ? field->field : rule.error().message;
}

TEST(Rule, ReadsWhatAPersonWrites) {
  const auto rule = read_rule(gpu_hot.dump(), nullptr).value();
  EXPECT_EQ(rule.name, "gpu_hot");
  EXPECT_TRUE(rule.is_enabled);
  EXPECT_EQ(std::get<Threshold>(rule.condition), (Threshold{true, 85, 75}));
  EXPECT_EQ(rule.lasts, Duration{120'000});
  EXPECT_EQ(rule.severity, RuleSeverity::critical);
  EXPECT_EQ(sentence_of(rule), "health.gpu_temperature_c at 85 °C or more for 2 min, until 75 °C");
  EXPECT_EQ(stored_rule(rule_to_json(rule).dump()).value(), rule);
}

TEST(Rule, AnErrorNamesItsField) {
  EXPECT_EQ(refused({{"name", "GPU hot"}}), "name");
  EXPECT_EQ(refused({{"title", ""}}), "title");
  EXPECT_EQ(refused({{"filter", "site = north"}}), "filter");
  EXPECT_EQ(refused({{"metric", "health.mood"}}), "metric");
  EXPECT_EQ(refused({{"model", "digits"}}), "model") << "health is of the whole device";
  EXPECT_EQ(refused({{"severity", "panic"}}), "severity");
  EXPECT_EQ(refused({{"for_s", -1}}), "for_s");
  EXPECT_EQ(refused({{"condition", nullptr}}), "condition");
  EXPECT_EQ(refused({{"condition", {{"clear_at", 86}}}}), "condition.clear_at");
  EXPECT_EQ(refused({{"condition", {{"kind", "sometimes"}}}}), "condition.kind");
  EXPECT_EQ(refused({{"condition", {{"kind", "against_usual"}, {"at", nullptr}, {"clear_at", nullptr}}}}),
            "condition.kind")
      << "that is for latency";
  EXPECT_EQ(refused({{"colour", "red"}}), "colour");
}

TEST(Rule, AJudgedOneChangesInWhoHearsOfItAlone) {
  const auto& drift = *shipped_rule("drift");
  EXPECT_EQ(refused({{"severity", "critical"}, {"enabled", false}, {"route", "data-team"}}, &drift), "");
  EXPECT_EQ(refused({{"filter", "id = \"cam-1\""}}, &drift), "filter");
  EXPECT_EQ(refused({{"condition", {{"kind", "above"}, {"at", 1}}}}, &drift), "condition");
  EXPECT_EQ(refused({{"name", "drift2"}}, &drift), "name");
}

TEST(Rule, OfLatencyDoubledTheFiguresChange) {
  const auto& latency = *shipped_rule("latency_doubled");
  const json threefold = {{"condition", {{"ratio", 3}}}};
  EXPECT_EQ(refused(threefold, &latency), "");
  EXPECT_EQ(refused({{"condition", {{"clear_ratio", 2.5}}}}, &latency), "condition.clear_ratio");
  EXPECT_EQ(refused({{"metric", "latency_p99"}}, &latency), "condition");
}

TEST(Rule, TheShippedOnesAreAsGoodAsAnybodys) {
  std::set<std::string> names;
  for (const auto& rule : shipped_rules()) {
    EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
    EXPECT_EQ(stored_rule(rule_to_json(rule).dump()).value(), rule) << rule.name;
    EXPECT_EQ(read_rule(rule_to_json(rule).dump(), &rule).value(), rule) << rule.name;
    EXPECT_FALSE(sentence_of(rule).empty()) << rule.name;
  }
  for (const char* name : {"latency_doubled", "accuracy_low", "gone_dark", "drift", "input_contract", "disk_full_soon",
                           "disk_worn", "too_hot", "throttled", "memory_full", "clock_off", "certificate_expires",
                           "identity_shared", "outbox_full", "site_dark", "rollout_stopped"})
    EXPECT_TRUE(names.contains(name)) << name;
}

TEST(RuleMetric, IsOneOfTelemetryOrMadeOfAFew) {
  for (const char* name : {"latency_p95", "error_rate", "numbers.queue", "health.cpu_percent",
                           "health.memory_used_percent", "health.disk_free_percent", "health.clock_error_ms"})
    EXPECT_EQ(to_text(parse_rule_metric(name).value()), name);
  EXPECT_EQ(unit_of(parse_rule_metric("health.clock_error_ms").value()), "ms");
  EXPECT_NE(parse_rule_metric("mood").error().message.find("health.clock_error_ms"), std::string::npos);
}

}  // namespace
}  // namespace argosy::server
