// The rules that the engine judges, ready for use: nothing is parsed when a window or a sample comes. Pure; immutable
// once made, and shared.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/wire/health.hpp"
#include "server/rules/rule.hpp"
#include "server/rules/rule_progress.hpp"

namespace argosy::server {

using RuleId = std::int64_t;

struct KnownRule {
  RuleId id = 0;  // of one name, as long as it lives
  Rule rule;
};

struct ReadyRule {
  RuleId id = 0;
  Rule rule;
  RuleMetric metric;
  std::optional<double> wire::HealthSample::*measure = nullptr;  // of health that is not made of several
  Filter filter;
  bool has_filter() const { return filter.root.has_value(); }
};

// What a window or a sample says of the rule's metric; nothing: it does not, or of too few inferences.
std::optional<RuleFigure> figure_in(const ReadyRule& rule, const TakenWindow& window);
std::optional<RuleFigure> figure_in(const ReadyRule& rule, const TakenHealth& health);

class RuleTable {
 public:
  RuleTable() = default;
  // Of `rules`, those that are enabled and the engine's. What cannot be read any more is left out.
  explicit RuleTable(const std::vector<KnownRule>& rules);

  std::span<const ReadyRule> of_windows() const { return of_windows_; }
  std::span<const ReadyRule> of_health() const { return of_health_; }
  std::span<const ReadyRule> of_presence() const { return of_presence_; }  // not judged from what is heard
  const ReadyRule* find(RuleId id) const;
  std::vector<const ReadyRule*> filtered() const;
  // Changes with the filters: whose devices have to be asked for again.
  std::uint64_t scopes() const { return scopes_; }

 private:
  std::vector<ReadyRule> of_windows_;
  std::vector<ReadyRule> of_health_;
  std::vector<ReadyRule> of_presence_;
  std::uint64_t scopes_ = 0;
};

}  // namespace argosy::server
