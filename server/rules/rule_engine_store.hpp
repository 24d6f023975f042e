// The SQL of the rule engine: what it remembers, and the alerts that follow, in one transaction each. Functors for
// DbPool::transact.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/rules/pair_rules.hpp"
#include "server/rules/rule_service.hpp"

namespace argosy::server {

struct RememberedPair {
  std::size_t place = 0;  // in the batch
  KeptRules kept;
  RuleScope scope;
  std::vector<std::string> firing = {};  // names of rules
};

struct RulesJudged {
  Judged judged;
  std::vector<RememberedPair> pairs;
};

// Judges each pair by what came since what is written of it.
struct JudgeRules {
  std::vector<DuePair> due;
  std::shared_ptr<const RuleTable> table;
  Duration look;
  Instant now;
  RulesJudged operator()(pqxx::work& transaction) const;
};

// Writes what was judged from memory.
struct WriteRules {
  struct Pair {
    WatchedPair pair;
    std::vector<AlertFinding> findings;
    KeptRules kept;
  };
  std::vector<Pair> pairs;
  Instant now;
  WrittenPairs operator()(pqxx::work& transaction) const;
};

// Which rules with a filter are for each of the devices.
struct ReadScopes {
  std::vector<std::string> devices;
  std::shared_ptr<const RuleTable> table;
  Instant now;
  std::map<std::string, RuleScope> operator()(pqxx::work& transaction) const;
};

// Ends alerts of rules that were deleted or disabled, some at a time. How many moved; fewer than `most`: that is all.
struct EndAlertsOfGoneRules {
  std::size_t most;
  Instant now;
  std::size_t operator()(pqxx::work& transaction) const;
};

// Ends alerts of a rule with a judge of its own on devices, or of models, that it is not for any more, some at a time.
// How many moved.
struct EndAlertsOutside {
  Rule rule;
  std::size_t most;
  Instant now;
  std::size_t operator()(pqxx::work& transaction) const;
};

// Opens and ends the alerts on devices whose certificate ends in fewer days than this.
struct JudgeCertificates {
  std::string rule;
  std::string severity;
  Filter filter;
  double days;
  Instant now;
  std::size_t operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
