// Rows of drift that judging reads and writes for a whole batch at once. DB threads, inside a transaction.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <pqxx/pqxx>

#include "server/drift/contract_watch.hpp"
#include "server/drift/judged_reference.hpp"
#include "server/drift/verdict.hpp"

namespace argosy::server {

using ReleaseName = std::pair<std::string, std::string>;  // model, version
using References = std::map<ReleaseName, JudgedReference>;

// One for each of the releases; with the features of predictions alone where it is unknown, or has no reference.
References read_references(pqxx::work& transaction, const std::vector<ReleaseName>& releases);

using VerdictKey = std::tuple<std::string, std::string, std::string>;  // device, model, feature
using KnownVerdicts = std::map<VerdictKey, KnownVerdict>;

KnownVerdicts read_verdicts(pqxx::work& transaction, const std::vector<WatchedPair>& pairs);
void write_verdicts(pqxx::work& transaction, const std::vector<DriftVerdict>& verdicts, Instant now);
void drop_verdicts(pqxx::work& transaction, const std::vector<VerdictKey>& verdicts);
// The events of verdicts that changed.
void announce_verdicts(pqxx::work& transaction, const std::vector<DriftVerdict>& verdicts, const DriftRule& rule);

// Those of the pairs whose contract is written to be broken.
std::set<WatchedPair> read_broken(pqxx::work& transaction, const std::vector<WatchedPair>& pairs);
// Of a pair whose contract is broken in another way than before; empty: it is kept again.
struct PairBreaches {
  WatchedPair pair;
  JudgedReference reference;
  std::string version;
  std::vector<ContractBreach> breaches;
};
// With the events `contract.broken` and `contract.kept`.
void write_breaches(pqxx::work& transaction, const std::vector<PairBreaches>& changed, Instant now);

// As they lie in drift_state.figures.
std::string figures_to_json(const FeatureVerdict& said, const std::optional<double>& envelope);
void read_figures(const std::string& json, FeatureVerdict& said, std::optional<double>& envelope);

}  // namespace argosy::server
