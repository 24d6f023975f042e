// The SQL of alerts; the only writer of alerts, alert_history, latency_baselines and worst_lists, and who empties
// level_changes and site_changes.
// Functors for DbPool::transact: they own their arguments and may be repeated. An alert moves in the transaction that
// writes what is remembered of its pair, so every window counts once.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/alerts/alert_service.hpp"
#include "server/alerts/pair_alerts.hpp"
#include "server/alerts/site_dark.hpp"
#include "server/alerts/worst.hpp"

namespace argosy::server {

// What is to be remembered of a pair that was judged.
struct JudgedPair {
  std::size_t place = 0;  // in the batch
  ServedVersion served;
  WindowMemory memory;
  AlertState latency = AlertState::ok;
  AlertState accuracy = AlertState::ok;
};

struct WindowsJudged {
  Judged judged;
  std::vector<JudgedPair> pairs;
};

// Judges latency and accuracy of each pair by the windows that came since what is written of it.
struct JudgeWindows {
  std::vector<DuePair> due;
  WindowRules rules;
  Instant now;
  WindowsJudged operator()(pqxx::work& transaction) const;
};

// Writes what was judged from memory.
struct WriteWindows {
  struct Pair {
    PairAlerts::Judgement judgement;
    WindowMemory memory;
  };
  std::vector<Pair> pairs;
  Instant now;
  WrittenPairs operator()(pqxx::work& transaction) const;
};

struct ReadThresholds {
  struct Threshold {
    std::string model;
    std::string version;
    std::optional<double> accuracy;
  };
  std::vector<ReleasesToJudge::Name> releases;
  std::vector<Threshold> operator()(pqxx::work& transaction) const;
};

// The list of that name, for all instances to show.
struct WriteWorst {
  struct List {
    std::string name;
    std::vector<WorstPair> worst;
  };
  std::vector<List> lists;
  Instant now;
  void operator()(pqxx::work& transaction) const;
};

struct LevelsJudged {
  std::size_t taken = 0;          // changes; as many as asked for: there may be more
  std::size_t moved = 0;          // alerts
  std::set<std::string> revoked;  // devices, of which every alert has ended
};

// Brings the alerts on presence, sites and drift in line with the verdicts of those who judge them, where these have
// changed.
struct JudgeLevels {
  std::size_t at_once;
  SiteRule sites;
  Instant now;
  LevelsJudged operator()(pqxx::work& transaction) const;
};

// Opens and closes the alerts on devices that two agents speak for. How many alerts moved.
struct JudgeIdentities {
  Instant now;
  std::size_t operator()(pqxx::work& transaction) const;
};

// Opens and closes the alerts on rollouts that are paused, or were halted. How many alerts moved.
struct JudgeRollouts {
  Instant now;
  std::size_t operator()(pqxx::work& transaction) const;
};

// Silences that begin and end, and alerts whose time has come. How many were looked at.
struct FollowLives {
  EscalationRule escalation;
  std::size_t at_once;
  Instant now;
  std::size_t operator()(pqxx::work& transaction) const;
};

struct ReadAlerts {
  AlertQuery query;
  AlertPage operator()(pqxx::work& transaction) const;
};

struct ReadAlert {
  std::int64_t id;
  Result<AlertWithHistory> operator()(pqxx::work& transaction) const;
};

struct ReadAlertGroups {
  GroupQuery query;
  std::vector<AlertGroup> operator()(pqxx::work& transaction) const;
};

struct ReadAlertHistory {
  HistoryQuery query;
  HistoryPage operator()(pqxx::work& transaction) const;
};

struct UnacknowledgeAlert {
  std::int64_t id;
  std::string actor;
  Instant now;
  Result<Alert> operator()(pqxx::work& transaction) const;
};

struct AcknowledgeAlert {
  std::int64_t id;
  std::string comment;
  std::string actor;
  Instant now;
  Result<Alert> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
