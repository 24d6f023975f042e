// The SQL of alerts; the only writer of alerts and latency_baselines. Functors for DbPool::transact: they own their
// arguments and may be repeated. Reading, judging and writing are one transaction, so every window counts once.
#pragma once

#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/alerts/alert_service.hpp"

namespace argosy::server {

struct WatchedModel {
  std::string device;
  std::string model;
  friend auto operator<=>(const WatchedModel&, const WatchedModel&) = default;
};

// Every (device, model) of a device that was seen since `since`.
struct FindHeardDevices {
  Instant since;
  std::vector<WatchedModel> operator()(pqxx::work& transaction) const;
};

// Judges latency and accuracy of each pair by the windows that came since it was judged last. How many alerts moved.
struct JudgeWindows {
  std::vector<WatchedModel> due;
  AlertOptions options;
  Instant now;
  std::size_t operator()(pqxx::work& transaction) const;
};

// Brings the alerts on presence and drift in line with the verdicts of those who judge them. How many alerts moved.
struct JudgeLevels {
  Instant now;
  std::size_t operator()(pqxx::work& transaction) const;
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
