// What the engine remembers of a (device, model), and its judgement from that alone; what is of the whole device, as
// health is, has the model "". Pure; on the I/O thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/alerts/alert.hpp"
#include "server/rules/rule_table.hpp"
#include "server/telemetry/pair_memory.hpp"

namespace argosy::server {

// Which of the rules with a filter are for a device.
struct RuleScope {
  std::uint64_t of = 0;  // RuleTable::scopes when it was asked for
  Instant asked_at{};
  std::vector<RuleId> rules = {};  // ascending
};

// As it is kept in rule_memory.
struct KeptRules {
  std::string version = {};  // of the newest window
  Instant heard_until{};
  std::string progress = {};  // packed, as hex
};

class PairRules final : public PairMemory {
 public:
  static constexpr Duration refresh_every{60'000};  // of the figures of an alert that stays

  PairRules() = default;
  // `firing`: names of the rules whose alerts on the pair fire now.
  PairRules(const RuleTable& table, const KeptRules& kept, RuleScope scope, const std::vector<std::string>& firing);

  std::size_t bytes() const override;

  // In the order of their times; what is not newer than what was heard is left out.
  void hear(const RuleTable& table, const WatchedPair& pair, const TakenWindow& window);
  void hear(const RuleTable& table, const WatchedPair& pair, const TakenHealth& health);

  // What follows from what was heard since this was called last, in its order; worth writing.
  std::vector<AlertFinding> take_findings(const RuleTable& table, const WatchedPair& pair, Instant now);
  KeptRules kept() const;

  const RuleScope& scope() const { return scope_; }
  void set_scope(RuleScope scope) { scope_ = std::move(scope); }

 private:
  struct Tracked {
    RuleId rule = 0;
    RuleProgress progress = {};
    RuleVerdict newest = {};
  };

  bool is_for_us(const ReadyRule& rule) const;
  Tracked& tracked(RuleId rule);
  void judge(const ReadyRule& rule, const WatchedPair& pair, const RuleFigure& figure);
  void forget_usual(const RuleTable& table, const WatchedPair& pair, const std::string& version);
  void forget_others(const RuleTable& table, const WatchedPair& pair);

  std::vector<Tracked> tracked_;  // rules of which there is something to remember
  std::vector<AlertFinding> findings_;
  std::string version_;
  Instant heard_until_{};
  Instant refreshed_at_{};
  RuleScope scope_;
};

}  // namespace argosy::server
