// The SQL of alerts; the only writer of alerts and latency_baselines, and who empties level_changes. Functors for
// DbPool::transact: they own their arguments and may be repeated. Reading, judging and writing are one transaction, so
// every window counts once.
#pragma once

#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/alerts/alert_service.hpp"

namespace argosy::server {

// Judges latency and accuracy of each pair by the windows that came since it was judged last.
struct JudgeWindows {
  std::vector<DuePair> due;
  WindowRules rules;
  Instant now;
  Judged operator()(pqxx::work& transaction) const;
};

struct LevelsJudged {
  std::size_t taken = 0;  // changes; as many as asked for: there may be more
  std::size_t moved = 0;  // alerts
};

// Brings the alerts on presence and drift in line with the verdicts of those who judge them, where these have changed.
struct JudgeLevels {
  std::size_t at_once;
  Instant now;
  LevelsJudged operator()(pqxx::work& transaction) const;
};

// Opens and closes the alerts on devices that two agents speak for. How many alerts moved.
struct JudgeIdentities {
  Instant now;
  std::size_t operator()(pqxx::work& transaction) const;
};

struct ReadAlerts {
  AlertQuery query;
  AlertPage operator()(pqxx::work& transaction) const;
};

struct AcknowledgeAlert {
  std::int64_t id;
  std::string actor;
  Instant now;
  Result<Alert> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
