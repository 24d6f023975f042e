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

// A figure of windows or health as telemetry queries have it (telemetry/query/metric.hpp), or one that is made of
// several measures of a sample.
struct RuleMetric {
  enum class Made : std::uint8_t { no, memory_used_percent, disk_free_percent, clock_error_ms };
  Metric of{};
  Made made = Made::no;
  bool is_of_health() const { return made != Made::no || of.kind == Metric::Kind::health; }
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
// newest three windows; until ten in a row are under clear_ratio.
struct AgainstUsual {
  double ratio = 2;
  double z = 6;
  double clear_ratio = 1.5;
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
  RuleJudge judge = RuleJudge::engine;
  friend bool operator==(const Rule&, const Rule&) = default;
};

// What a person may say of a rule: the whole of it. Of one with a judge of its own only whether it is enabled, its
// title, severity and route; of `known` (the rule as it is; null: it is new) the rest stays. Errors name the field.
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
