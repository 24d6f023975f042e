// Rules as data: what a person may write, what is refused, and what is shipped. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/devices/filter.hpp"
#include "server/telemetry/query/metric.hpp"

namespace argosy::server {

inline constexpr std::size_t rule_limit = 200;
inline constexpr std::size_t rule_versions_limit = 200;  // that are kept of one rule
inline constexpr std::size_t rule_bytes_limit = 16'384;  // of one as JSON

enum class RuleSeverity : std::uint8_t { info, warning, critical };
std::string_view to_string(RuleSeverity severity);
std::optional<RuleSeverity> parse_rule_severity(std::string_view text);

// A figure of windows or health as telemetry queries have it (telemetry/query/metric.hpp), one that is made of several
// measures of a sample, or one of presence.
struct RuleMetric {
  enum class Made : std::uint8_t { no, memory_used_percent, disk_free_percent, clock_error_ms };
  // Seconds in which it has been so, 1 while it is so, and the share of the last day in which it could be reached.
  enum class Presence : std::uint8_t { no, offline_s, late_s, intermittent, availability_percent };
  Metric of{};
  Made made = Made::no;
  Presence presence = Presence::no;
  bool is_of_health() const { return made != Made::no || (!is_of_presence() && of.kind == Metric::Kind::health); }
  bool is_of_presence() const { return presence != Presence::no; }
  friend bool operator==(const RuleMetric&, const RuleMetric&) = default;
};
Result<RuleMetric> parse_rule_metric(std::string_view text);
std::string to_text(const RuleMetric& metric);
std::string_view unit_of(const RuleMetric& metric);

// Over or under a figure until it is back at another: between the two an alert stays as it is.
struct Threshold {
  bool is_above = true;
  double at = 0;
  double clear_at = 0;
  friend bool operator==(const Threshold&, const Threshold&) = default;
};

// So many times what is usual on the device at this hour of the day, and so many sigmas (HourlyUsual), in two of the
// newest three windows; until ten in a row are under clear_ratio. Not under least_change more than usual, whatever the
// ratio: of a figure that is near 0 every change is many times what is usual. Or so many times less than usual.
struct AgainstUsual {
  double ratio = 2;
  double z = 6;
  double clear_ratio = 1.5;
  double least_change = 0;  // in the metric's unit; of latency 2 ms, whatever it says
  bool is_above = true;
  friend bool operator==(const AgainstUsual&, const AgainstUsual&) = default;
};

// It will reach a figure within so many hours, if it goes on as it did for as many.
struct Trend {
  double reaches = 0;
  double within_h = 24;
  friend bool operator==(const Trend&, const Trend&) = default;
};

// A judge of its own decides, whose rule is code: drift, presence and the like.
struct ByJudge {
  friend bool operator==(const ByJudge&, const ByJudge&) = default;
};

using RuleCondition = std::variant<Threshold, AgainstUsual, Trend, ByJudge>;

// Who judges a rule. The rule engine takes all that people add.
enum class RuleJudge : std::uint8_t { engine, latency, certificates, own };
std::string_view to_string(RuleJudge judge);

// What the alerts of a rule are about.
enum class RuleSubject : std::uint8_t { model, device, site, rollout };
std::string_view to_string(RuleSubject subject);

// What a rule does beside telling people: once for each alert that it raises, and not while the alert is held back.
// None does anything unless a person wrote it down.
enum class ReactionKind : std::uint8_t {
  pause_rollouts,  // those that touch the device or the site
  roll_back,       // the device, to the release that its model had before
  diagnostics,     // the device is asked for them
};
std::string_view to_string(ReactionKind kind);
std::optional<ReactionKind> parse_reaction_kind(std::string_view text);

struct RuleReaction {
  static constexpr int usual_per_hour = 5;
  static constexpr int most_per_hour_limit = 100;
  ReactionKind kind = ReactionKind::diagnostics;
  int most_per_hour = usual_per_hour;  // of this rule: a rule that is wrong must not roll back the whole fleet
  friend bool operator==(const RuleReaction&, const RuleReaction&) = default;
};

struct Rule {
  std::string name;
  std::string title;
  bool is_enabled = true;
  std::string filter;  // as text; empty: every device
  std::string model;   // empty: of any
  std::string metric;  // as text; empty where a judge of its own knows
  RuleCondition condition = ByJudge{};
  Duration lasts{0};  // the condition has to hold so long
  RuleSeverity severity = RuleSeverity::warning;
  std::string route;  // of notify, to which alone its alerts go; empty, or not there: those that want them by kind
  std::vector<RuleReaction> reactions = {};  // one of a kind at most
  RuleJudge judge = RuleJudge::engine;
  friend bool operator==(const Rule&, const Rule&) = default;
};
RuleSubject subject_of(const Rule& rule);

// What a person may say of a rule: the whole of it. Of one with a judge of its own not the metric and the condition; of
// `known` (the rule as it is; null: it is new) what is not said stays. Errors name the field.
Result<Rule> read_rule(std::string_view json, const Rule* known);
// Of rows that this program wrote.
Result<Rule> stored_rule(std::string_view json);
nlohmann::json rule_to_json(const Rule& rule);

// "p95 latency over 120 ms for 5 min"; what an alert and a list say of it.
std::string sentence_of(const Rule& rule);

// In the order in which they are shown. Each can be changed, disabled and reset.
const std::vector<Rule>& shipped_rules();
const Rule* shipped_rule(std::string_view name);

}  // namespace argosy::server
