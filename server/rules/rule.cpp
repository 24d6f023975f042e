#include "server/rules/rule.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/json/json_reader.hpp"
#include "server/alerts/alert.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;
using Made = RuleMetric::Made;

constexpr std::int64_t longest_s = 7 * 86'400;
constexpr std::size_t title_bytes = 200;

struct MadeMetric {
  std::string_view name;
  Made made;
  std::string_view unit;
};
constexpr std::array<MadeMetric, 3> made_metrics{{
    {"health.memory_used_percent", Made::memory_used_percent, "%"},
    {"health.disk_free_percent", Made::disk_free_percent, "%"},
    {"health.clock_error_ms", Made::clock_error_ms, "ms"},
}};

struct PresenceMetric {
  std::string_view name;
  RuleMetric::Presence presence;
  std::string_view unit;
};
constexpr std::array<PresenceMetric, 4> presence_metrics{{
    {"presence.offline_s", RuleMetric::Presence::offline_s, "s"},
    {"presence.late_s", RuleMetric::Presence::late_s, "s"},
    {"presence.intermittent", RuleMetric::Presence::intermittent, ""},
    {"presence.availability_percent", RuleMetric::Presence::availability_percent, "%"},
}};

constexpr std::array<std::pair<ReactionKind, std::string_view>, 3> reaction_names{{
    {ReactionKind::pause_rollouts, "pause_rollouts"},
    {ReactionKind::roll_back, "roll_back"},
    {ReactionKind::diagnostics, "diagnostics"},
}};

bool is_rule_name(std::string_view text) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !text.empty() && text.size() <= 64 && text[0] != '_' && std::all_of(text.begin(), text.end(), fits);
}

void read_threshold(JsonReader& in, Threshold& threshold) {
  in.required("at", threshold.at);
  threshold.clear_at = threshold.at;
  in.optional("clear_at", threshold.clear_at);
  const bool clears = threshold.is_above ? threshold.clear_at <= threshold.at : threshold.clear_at >= threshold.at;
  in.check("clear_at", clears,
           threshold.is_above ? "must be at most `at`: above that the condition holds"
                              : "must be at least `at`: below that the condition holds");
}

void read_condition(JsonReader& in, RuleCondition& condition) {
  std::string kind;
  in.required("kind", kind);
  if (kind == "above" || kind == "below") {
    Threshold threshold{.is_above = kind == "above"};
    read_threshold(in, threshold);
    condition = threshold;
  } else if (kind == "against_usual") {
    AgainstUsual usual;
    std::string direction = "above";
    in.optional("ratio", usual.ratio, 1.1, 100.0)
        .optional("z", usual.z, 0.0, 100.0)
        .optional("clear_ratio", usual.clear_ratio, 1.0, 100.0)
        .optional("least_change", usual.least_change, 0.0, 1e18)
        .optional("direction", direction)
        .check("clear_ratio", usual.clear_ratio < usual.ratio, "must be under `ratio`")
        .check("direction", direction == "above" || direction == "below", "must be one of above, below");
    usual.is_above = direction == "above";
    condition = usual;
  } else if (kind == "trend") {
    Trend trend;
    in.required("reaches", trend.reaches).required("within_h", trend.within_h, 1.0, 720.0);
    condition = trend;
  } else {
    in.check("kind", false, "must be one of above, below, against_usual, trend");
  }
}

json condition_to_json(const RuleCondition& condition) {
  if (const auto* threshold = std::get_if<Threshold>(&condition))
    return {
        {"kind", threshold->is_above ? "above" : "below"}, {"at", threshold->at}, {"clear_at", threshold->clear_at}};
  if (const auto* usual = std::get_if<AgainstUsual>(&condition))
    return {{"kind", "against_usual"},
            {"direction", usual->is_above ? "above" : "below"},
            {"ratio", usual->ratio},
            {"z", usual->z},
            {"clear_ratio", usual->clear_ratio},
            {"least_change", usual->least_change}};
  if (const auto* trend = std::get_if<Trend>(&condition))
    return {{"kind", "trend"}, {"reaches", trend->reaches}, {"within_h", trend->within_h}};
  return {{"kind", "by_judge"}};
}

std::optional<RuleJudge> parse_judge(std::string_view text) {
  for (const auto judge : {RuleJudge::engine, RuleJudge::latency, RuleJudge::certificates, RuleJudge::own})
    if (to_string(judge) == text) return judge;
  return std::nullopt;
}

Result<void> check_usual(const Rule& rule, const RuleMetric& metric, const AgainstUsual& usual) {
  if (rule.lasts > Duration{0}) return field_error("for_s", "must be 0: against_usual counts windows by itself");
  if (metric.of.kind == Metric::Kind::latency && !metric.is_of_health()) return {};
  if (usual.least_change > 0) return {};
  return field_error("condition.least_change",
                     "must be over 0: where " + rule.metric + " is near 0, every change is many times what is usual");
}

// Presence tells by itself since when it is so, and is looked at as it is.
Result<void> check_presence(const Rule& rule, const RuleMetric& metric) {
  const auto* threshold = std::get_if<Threshold>(&rule.condition);
  const bool is_share = metric.presence == RuleMetric::Presence::availability_percent;
  if (threshold == nullptr || threshold->is_above == is_share)
    return field_error("condition.kind", std::string("must be ") + (is_share ? "below" : "above") + ": " + rule.metric +
                                             " is judged by a threshold alone");
  if (rule.lasts > Duration{0})
    return field_error("for_s", "must be 0: " + rule.metric + " tells by itself how long it has been so");
  return {};
}

Result<void> check_reactions(const Rule& rule) {
  const auto subject = subject_of(rule);
  for (const auto& reaction : rule.reactions) {
    const bool fits = reaction.kind == ReactionKind::roll_back        ? subject == RuleSubject::model
                      : reaction.kind == ReactionKind::pause_rollouts ? subject != RuleSubject::rollout
                                                                      : subject <= RuleSubject::device;
    const auto same = [&reaction](const RuleReaction& other) { return other.kind == reaction.kind; };
    if (std::count_if(rule.reactions.begin(), rule.reactions.end(), same) > 1)
      return field_error("reactions", "\"" + std::string(to_string(reaction.kind)) + "\" is named twice");
    if (fits) continue;
    return field_error("reactions",
                       "\"" + std::string(to_string(reaction.kind)) + "\" does not go with " + rule.name +
                           (reaction.kind == ReactionKind::roll_back ? ", whose alerts are about no model of one device"
                                                                     : ", whose alerts are about no device"));
  }
  return {};
}

// Whether what the rule says of itself goes together.
Result<void> check_whole(const Rule& rule) {
  if (!is_rule_name(rule.name))
    return field_error("name",
                       "\"" + shortened(rule.name) + "\" does not match [a-z0-9][a-z0-9_]{0,63}, as in gpu_too_hot");
  if (rule.title.empty()) return field_error("title", "is empty: say in a few words what is wrong when it fires");
  if (const auto filter = parse_filter(rule.filter); !filter) return field_error("filter", filter.error().message);
  ARGOSY_CHECK(check_reactions(rule));
  const auto subject = subject_of(rule);
  if (subject > RuleSubject::device && !rule.filter.empty())
    return field_error("filter", "must be empty: the alerts of " + rule.name + " are about no single device");
  if (subject != RuleSubject::model && !rule.model.empty())
    return field_error("model",
                       "must be empty: " + (rule.metric.empty() ? rule.name : rule.metric) + " is of no single model");
  if (std::holds_alternative<ByJudge>(rule.condition)) return {};
  if (rule.judge == RuleJudge::certificates) return {};
  const auto metric = parse_rule_metric(rule.metric);
  if (!metric) return field_error("metric", metric.error().message);
  if (metric->is_of_presence()) return check_presence(rule, *metric);
  if (const auto* usual = std::get_if<AgainstUsual>(&rule.condition)) return check_usual(rule, *metric, *usual);
  return {};
}

void read_reactions(JsonReader& in, std::vector<RuleReaction>& reactions) {
  if (!in.has("reactions")) return;
  reactions.clear();
  in.objects("reactions", reaction_names.size(), reactions, [](JsonReader& item, RuleReaction& reaction) {
    std::string kind;
    item.required("do", kind)
        .optional("most_per_hour", reaction.most_per_hour, 1, RuleReaction::most_per_hour_limit)
        .check("do", parse_reaction_kind(kind).has_value(), "must be one of pause_rollouts, roll_back, diagnostics");
    reaction.kind = parse_reaction_kind(kind).value_or(ReactionKind::diagnostics);
  });
}

// What people may change of any rule.
void read_common(JsonReader& in, Rule& rule) {
  std::string severity(to_string(rule.severity));
  read_reactions(in, rule.reactions);
  in.optional_text("filter", max_filter_bytes, rule.filter)
      .optional_text("model", 64, rule.model)
      .optional_text("title", title_bytes, rule.title)
      .optional("enabled", rule.is_enabled)
      .optional("severity", severity)
      .optional_text("route", 64, rule.route)
      .check("severity", parse_rule_severity(severity).has_value(), "must be one of info, warning, critical");
  rule.severity = parse_rule_severity(severity).value_or(rule.severity);
}

void read_judged_part(JsonReader& in, Rule& rule) {
  std::int64_t for_s = rule.lasts.count() / 1000;
  in.optional_text("metric", 128, rule.metric)
      .optional("for_s", for_s, std::int64_t{0}, longest_s)
      .optional_object("condition", [&rule](JsonReader& inner) { read_condition(inner, rule.condition); });
  rule.lasts = Duration{for_s * 1000};
}

// A document may be sent back as it was read; what cannot be changed must then be as it is.
void read_unchangeable(JsonReader& in, const Rule& known) {
  const json whole = rule_to_json(known);
  for (const char* name : {"metric", "condition", "for_s"}) {
    json given = whole.at(name);
    in.optional(name, given).check(name, given == whole.at(name), "cannot be changed: a judge of its own decides");
  }
}

void read_parameters(JsonReader& in, Rule& rule) {
  const Rule before = rule;
  read_judged_part(in, rule);
  const auto* usual = std::get_if<AgainstUsual>(&rule.condition);
  const bool same = rule.metric == before.metric && rule.lasts == before.lasts &&
                    rule.condition.index() == before.condition.index() && (usual == nullptr || usual->is_above);
  in.check("condition", same,
           "only the figures of its condition can be changed: " + before.name + " has a judge of its own");
}

}  // namespace

std::string_view to_string(RuleSeverity severity) {
  switch (severity) {
    case RuleSeverity::info:
      return "info";
    case RuleSeverity::warning:
      return "warning";
    case RuleSeverity::critical:
      return "critical";
  }
  return "warning";
}

std::optional<RuleSeverity> parse_rule_severity(std::string_view text) {
  for (const auto severity : {RuleSeverity::info, RuleSeverity::warning, RuleSeverity::critical})
    if (to_string(severity) == text) return severity;
  return std::nullopt;
}

std::string_view to_string(RuleJudge judge) {
  switch (judge) {
    case RuleJudge::engine:
      return "engine";
    case RuleJudge::latency:
      return "latency";
    case RuleJudge::certificates:
      return "certificates";
    case RuleJudge::own:
      return "own";
  }
  return "engine";
}

std::string_view to_string(ReactionKind kind) {
  for (const auto& [known, name] : reaction_names)
    if (known == kind) return name;
  return "diagnostics";
}

std::optional<ReactionKind> parse_reaction_kind(std::string_view text) {
  for (const auto& [kind, name] : reaction_names)
    if (name == text) return kind;
  return std::nullopt;
}

std::string_view to_string(RuleSubject subject) {
  switch (subject) {
    case RuleSubject::model:
      return "model";
    case RuleSubject::device:
      return "device";
    case RuleSubject::site:
      return "site";
    case RuleSubject::rollout:
      return "rollout";
  }
  return "device";
}

RuleSubject subject_of(const Rule& rule) {
  if (rule.judge == RuleJudge::latency) return RuleSubject::model;
  if (rule.judge == RuleJudge::certificates) return RuleSubject::device;
  if (rule.judge == RuleJudge::own) {
    if (rule.name == built_in::site_dark.name) return RuleSubject::site;
    if (rule.name == built_in::rollout_paused.name || rule.name == built_in::rollout_halted.name)
      return RuleSubject::rollout;
    const bool is_of_device = rule.name == built_in::gone_dark.name || rule.name == built_in::identity_shared.name;
    return is_of_device ? RuleSubject::device : RuleSubject::model;
  }
  const auto metric = parse_rule_metric(rule.metric);
  return metric && (metric->is_of_health() || metric->is_of_presence()) ? RuleSubject::device : RuleSubject::model;
}

Result<RuleMetric> parse_rule_metric(std::string_view text) {
  for (const auto& each : made_metrics)
    if (each.name == text) return RuleMetric{{Metric::Kind::health, 0, {}}, each.made};
  for (const auto& each : presence_metrics)
    if (each.name == text) return RuleMetric{{}, RuleMetric::Made::no, each.presence};
  auto metric = parse_metric(text);
  if (!metric) {
    auto error = metric.error();
    error.message +=
        "; and health.memory_used_percent, health.disk_free_percent, health.clock_error_ms; and presence.offline_s, "
        "presence.late_s, presence.intermittent, presence.availability_percent";
    return error;
  }
  return RuleMetric{std::move(*metric), Made::no, RuleMetric::Presence::no};
}

std::string to_text(const RuleMetric& metric) {
  for (const auto& each : made_metrics)
    if (each.made == metric.made) return std::string(each.name);
  for (const auto& each : presence_metrics)
    if (each.presence == metric.presence) return std::string(each.name);
  return to_text(metric.of);
}

std::string_view unit_of(const RuleMetric& metric) {
  for (const auto& each : made_metrics)
    if (each.made == metric.made) return each.unit;
  for (const auto& each : presence_metrics)
    if (each.presence == metric.presence) return each.unit;
  return unit_of(metric.of);
}

Result<Rule> read_rule(std::string_view text, const Rule* known) {
  ARGOSY_TRY(auto in, JsonReader::parse(text));
  Rule rule = known != nullptr ? *known : Rule{};
  std::string name = rule.name;
  in.required("name", name);
  if (known != nullptr)
    in.check("name", name == known->name, "cannot be changed: make another rule and delete this one");
  rule.name = name;
  read_common(in, rule);
  if (rule.judge == RuleJudge::own)
    read_unchangeable(in, *known);
  else if (rule.judge == RuleJudge::engine)
    read_judged_part(in, rule);
  else
    read_parameters(in, rule);
  // What only the server says may be sent back with the rest.
  json ignored;
  for (const char* of_server : {"version", "judge", "shipped", "changed", "sentence", "subject", "unit", "updated_at",
                                "updated_by", "pending", "firing"})
    in.optional(of_server, ignored);
  ARGOSY_CHECK(in.finish());
  if (rule.judge == RuleJudge::engine && std::holds_alternative<ByJudge>(rule.condition))
    return field_error("condition", "is missing");
  ARGOSY_CHECK(check_whole(rule));
  return rule;
}

Result<Rule> stored_rule(std::string_view text) {
  ARGOSY_TRY(auto in, JsonReader::parse(text, stored_json));
  Rule rule;
  std::string severity, judge;
  std::int64_t for_s = 0;
  in.required("name", rule.name)
      .required("title", rule.title)
      .required("enabled", rule.is_enabled)
      .required_text("filter", max_filter_bytes, rule.filter)
      .required("model", rule.model)
      .required("metric", rule.metric)
      .required("for_s", for_s)
      .required("severity", severity)
      .required("route", rule.route)
      .required("judge", judge);
  read_reactions(in, rule.reactions);
  in.required_object("condition", [&rule](JsonReader& inner) {
    std::string kind;
    inner.required("kind", kind);
    if (kind != "by_judge") read_condition(inner, rule.condition);
  });
  ARGOSY_CHECK(in.finish());
  rule.lasts = Duration{for_s * 1000};
  rule.severity = parse_rule_severity(severity).value_or(RuleSeverity::warning);
  rule.judge = parse_judge(judge).value_or(RuleJudge::engine);
  return rule;
}

json rule_to_json(const Rule& rule) {
  auto reactions = json::array();
  for (const auto& [kind, most_per_hour] : rule.reactions)
    reactions.push_back({{"do", to_string(kind)}, {"most_per_hour", most_per_hour}});
  return {{"name", rule.name},
          {"title", rule.title},
          {"enabled", rule.is_enabled},
          {"filter", rule.filter},
          {"model", rule.model},
          {"metric", rule.metric},
          {"condition", condition_to_json(rule.condition)},
          {"for_s", rule.lasts.count() / 1000},
          {"severity", to_string(rule.severity)},
          {"route", rule.route},
          {"reactions", std::move(reactions)},
          {"judge", to_string(rule.judge)}};
}

namespace {

// "2 min", "36 h", "5 s".
std::string span_text(Duration span) {
  const auto seconds = span.count() / 1000;
  if (seconds % 3600 == 0) return std::to_string(seconds / 3600) + " h";
  if (seconds % 60 == 0) return std::to_string(seconds / 60) + " min";
  return std::to_string(seconds) + " s";
}

std::string figure_text(double value, std::string_view unit) {
  char text[64];
  std::snprintf(text, sizeof text, "%.6g", value);
  return std::string(text) + (unit.empty() ? "" : " " + std::string(unit));
}

}  // namespace

std::string sentence_of(const Rule& rule) {
  if (rule.judge == RuleJudge::certificates)
    return "fewer than " + figure_text(std::get<Threshold>(rule.condition).at, "days") + " of its life are left";
  const auto metric = parse_rule_metric(rule.metric);
  const std::string unit(metric ? unit_of(*metric) : std::string_view{});
  if (const auto* threshold = std::get_if<Threshold>(&rule.condition)) {
    const std::string lasts = rule.lasts > Duration{0} ? " for " + span_text(rule.lasts) : "";
    const std::string until =
        threshold->clear_at != threshold->at ? ", until " + figure_text(threshold->clear_at, unit) : "";
    return rule.metric + " at " + figure_text(threshold->at, unit) + (threshold->is_above ? " or more" : " or less") +
           lasts + until;
  }
  if (const auto* usual = std::get_if<AgainstUsual>(&rule.condition))
    return rule.metric + " at " +
           (usual->is_above ? figure_text(usual->ratio, "times") + " what"
                            : "1/" + figure_text(usual->ratio, "") + " or less of what") +
           " is usual at this hour of the day";
  if (const auto* trend = std::get_if<Trend>(&rule.condition))
    return rule.metric + " reaches " + figure_text(trend->reaches, unit) + " within " +
           figure_text(trend->within_h, "h");
  return "judged by a rule of its own";
}

}  // namespace argosy::server
