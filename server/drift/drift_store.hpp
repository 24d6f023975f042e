// The SQL of drift; the only writer of drift_state and drift_evidence. Functors for DbPool::transact: they own their
// arguments and may be repeated.
#pragma once

#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/drift/drift_service.hpp"

namespace argosy::server {

// Measures the newest windows of each pair against the reference of the version it serves, and writes what follows.
struct JudgeDrift {
  std::vector<DuePair> due;
  EvidenceRule evidence;
  DriftRule rule;
  Instant now;
  Judged operator()(pqxx::work& transaction) const;
};

struct ReadDeviceDrift {
  std::string device;
  EvidenceRule evidence;
  DriftRule rule;
  Result<std::vector<FeatureDrift>> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
