// The SQL of drift; the only writer of drift_state, drift_evidence, drift_peers and
// contract_breaches. Functors for DbPool::transact: they own their
// arguments and may be repeated.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/drift/drift_rows_store.hpp"
#include "server/drift/drift_service.hpp"
#include "server/drift/pair_drift.hpp"

namespace argosy::server {

// What is to be remembered of a pair that was judged.
struct DriftOfPair {
  std::size_t place = 0;  // in the batch
  WatchedPair pair;
  std::string version;
  Evidence evidence;
  std::vector<KnownVerdict> known;  // as it is written now, in the order of the reference's features
  Instant newest{};                 // windows that started up to then were looked at
  std::vector<PeerLook> looks;      // for its peers
  std::int64_t hour = 0;
};

struct DriftJudged {
  Judged judged;
  std::vector<DriftOfPair> pairs;
};

// Measures the newest windows of each pair against the reference of the version it serves, and writes what follows.
struct JudgeDrift {
  std::vector<DuePair> due;
  DriftRules rules;
  std::map<ReleaseName, SharedPeers> peers;  // of the releases that are known
  Instant now;
  DriftJudged operator()(pqxx::work& transaction) const;
};

// Writes what was judged from memory.
struct WriteDrift {
  struct Pair {
    WatchedPair pair;
    std::string version;
    Evidence evidence;
    PairVerdicts judged;
  };
  std::vector<Pair> pairs;
  DriftRule rule;
  Instant now;
  WrittenPairs operator()(pqxx::work& transaction) const;
};

struct ReadReferences {
  std::vector<ReleaseName> releases;
  References operator()(pqxx::work& transaction) const { return read_references(transaction, releases); }
};

// From what is written and the windows since.
struct ReadDeviceDrift {
  std::string device;
  DriftRules rules;
  Result<DeviceDrift> operator()(pqxx::work& transaction) const;
};

struct ReadFleetDrift {
  FleetOfDrift operator()(pqxx::work& transaction) const;
};

// What peers showed in the last full hour, of releases that somebody looked at within a week.
struct ReadPeers {
  Instant now;
  std::vector<FleetDrift> operator()(pqxx::work& transaction) const;
};
// With the events `drift.season` and `drift.season_over`.
struct WritePeers {
  JudgedReleases::FleetNews news;
  Instant now;
  void operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
