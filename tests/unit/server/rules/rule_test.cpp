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
  EXPECT_EQ(refused({{"for_s", 0}, {"condition", {{"kind", "against_usual"}, {"at", nullptr}, {"clear_at", nullptr}}}}),
            "condition.least_change")
      << "near 0 every change is many times what is usual";
  EXPECT_EQ(refused({{"condition",
                      {{"kind", "against_usual"}, {"at", nullptr}, {"clear_at", nullptr}, {"least_change", 5}}}}),
            "for_s");
  EXPECT_EQ(refused({{"colour", "red"}}), "colour");
}

TEST(Rule, AJudgedOneIsForOtherDevicesOrHasAnotherRouteButNoOtherCondition) {
  const auto& drift = *shipped_rule("drift");
  EXPECT_EQ(refused({{"severity", "critical"}, {"enabled", false}, {"route", "data-team"}}, &drift), "");
  EXPECT_EQ(refused({{"filter", "id = \"cam-1\""}, {"model", "digits"}}, &drift), "");
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

TEST(Rule, AFilterIsOfDevicesAndAModelOfThoseThatHaveOne) {
  EXPECT_EQ(refused({{"filter", "id = \"cam-1\""}}, shipped_rule("gone_dark")), "");
  EXPECT_EQ(refused({{"model", "digits"}}, shipped_rule("gone_dark")), "model");
  EXPECT_EQ(refused({{"filter", "id = \"cam-1\""}}, shipped_rule("site_dark")), "filter");
  EXPECT_EQ(refused({{"filter", "id = \"cam-1\""}}, shipped_rule("rollout_paused")), "filter");
  EXPECT_EQ(refused({{"filter", "id = \"cam-1\""}}, shipped_rule("certificate_expires")), "");
}

TEST(Rule, WhatIsUsualIsLearnedOfAnyFigureAndFiresUpOrDown) {
  const json slow = {{"name", "slow"},
                     {"title", "Half as much as usual"},
                     {"metric", "throughput"},
                     {"condition", {{"kind", "against_usual"}, {"direction", "below"}, {"least_change", 1}}}};
  const auto rule = read_rule(slow.dump(), nullptr).value();
  EXPECT_FALSE(std::get<AgainstUsual>(rule.condition).is_above);
  EXPECT_EQ(sentence_of(rule), "throughput at 1/2 or less of what is usual at this hour of the day");
  EXPECT_EQ(stored_rule(rule_to_json(rule).dump()).value(), rule);
  EXPECT_EQ(refused({{"condition", {{"direction", "below"}}}}, shipped_rule("latency_doubled")), "condition");
}

TEST(Rule, PresenceIsHeldAgainstAThreshold) {
  const json away = {{"name", "away"},
                     {"title", "Away for an hour"},
                     {"filter", "labels.site = \"north\""},
                     {"metric", "presence.offline_s"},
                     {"condition", {{"kind", "above"}, {"at", 3600}, {"clear_at", 0}}}};
  const auto refused_away = [&away](json change) {
    json whole = away;
    whole.merge_patch(change);
    const auto rule = read_rule(whole.dump(), nullptr);
    return rule ? std::string() : named_field(rule.error()).value().field;
  };
  EXPECT_EQ(refused_away(json::object()), "");
  EXPECT_EQ(refused_away({{"for_s", 60}}), "for_s") << "it tells by itself how long";
  EXPECT_EQ(refused_away({{"model", "digits"}}), "model");
  EXPECT_EQ(refused_away({{"metric", "presence.availability_percent"}}), "condition.kind");
  EXPECT_EQ(refused_away({{"metric", "presence.availability_percent"},
                          {"condition", {{"kind", "below"}, {"at", 99}, {"clear_at", 99.5}}}}),
            "");
  EXPECT_EQ(
      refused_away({{"condition",
                     {{"kind", "trend"}, {"reaches", 1}, {"within_h", 2}, {"at", nullptr}, {"clear_at", nullptr}}}}),
      "condition.kind");
}

std::string refused_reactions(const json& reactions, const char* rule) {
  return refused({{"reactions", reactions}}, shipped_rule(rule));
}

TEST(Rule, ReactsInNoWayUnlessAPersonSaysSo) {
  for (const auto& rule : shipped_rules()) EXPECT_TRUE(rule.reactions.empty()) << rule.name;
  json reacting = rule_to_json(*shipped_rule("accuracy_low"));
  reacting["reactions"] = {
      {{"do", "pause_rollouts"}}, {{"do", "roll_back"}, {"most_per_hour", 3}}, {{"do", "diagnostics"}}};
  const auto rule = read_rule(reacting.dump(), shipped_rule("accuracy_low")).value();
  EXPECT_EQ(rule.reactions, (std::vector<RuleReaction>{{ReactionKind::pause_rollouts, RuleReaction::usual_per_hour},
                                                       {ReactionKind::roll_back, 3},
                                                       {ReactionKind::diagnostics, RuleReaction::usual_per_hour}}));
  EXPECT_EQ(stored_rule(rule_to_json(rule).dump()).value(), rule);
  const json renamed = {{"name", rule.name}, {"title", "Another title"}};
  EXPECT_EQ(read_rule(renamed.dump(), &rule).value().reactions, rule.reactions) << "what is not said stays";
  const json off = {{"name", rule.name}, {"reactions", json::array()}};
  EXPECT_TRUE(read_rule(off.dump(), &rule).value().reactions.empty());
}

TEST(Rule, ReactsToWhatItsAlertsAreAbout) {
  const json back = {{{"do", "roll_back"}}};
  const json pause = {{{"do", "pause_rollouts"}}};
  const json ask = {{{"do", "diagnostics"}}};
  EXPECT_EQ(refused_reactions(back, "drift"), "");
  EXPECT_EQ(refused_reactions(back, "latency_doubled"), "");
  EXPECT_EQ(refused_reactions(back, "too_hot"), "reactions") << "about the device, and no model";
  EXPECT_EQ(refused_reactions(back, "gone_dark"), "reactions");
  EXPECT_EQ(refused_reactions(pause, "site_dark"), "");
  EXPECT_EQ(refused_reactions(pause, "rollout_halted"), "reactions");
  EXPECT_EQ(refused_reactions(ask, "too_hot"), "");
  EXPECT_EQ(refused_reactions(ask, "site_dark"), "reactions");
  EXPECT_EQ(refused_reactions({{{"do", "reboot"}}}, "too_hot"), "reactions[0].do");
  EXPECT_EQ(refused_reactions({{{"do", "diagnostics"}}, {{"do", "diagnostics"}}}, "too_hot"), "reactions");
  EXPECT_EQ(refused_reactions({{{"do", "diagnostics"}, {"most_per_hour", 0}}}, "too_hot"),
            "reactions[0].most_per_hour");
  EXPECT_EQ(refused_reactions({{{"do", "diagnostics"}, {"most_per_hour", 101}}}, "too_hot"),
            "reactions[0].most_per_hour");
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
                           "identity_shared", "outbox_full", "site_dark", "rollout_paused", "rollout_halted"})
    EXPECT_TRUE(names.contains(name)) << name;
}

TEST(RuleMetric, IsOneOfTelemetryOrMadeOfAFew) {
  for (const char* name :
       {"latency_p95", "error_rate", "numbers.queue", "health.cpu_percent", "health.memory_used_percent",
        "health.disk_free_percent", "health.clock_error_ms", "presence.offline_s", "presence.late_s",
        "presence.intermittent", "presence.availability_percent"})
    EXPECT_EQ(to_text(parse_rule_metric(name).value()), name);
  EXPECT_EQ(unit_of(parse_rule_metric("health.clock_error_ms").value()), "ms");
  EXPECT_NE(parse_rule_metric("mood").error().message.find("health.clock_error_ms"), std::string::npos);
}

}  // namespace
}  // namespace argosy::server
