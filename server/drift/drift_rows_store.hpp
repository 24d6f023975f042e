// Rows of drift that judging reads and writes for a whole batch at once. DB threads, inside a transaction.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <pqxx/pqxx>

#include "common/wire/desired.hpp"
#include "server/drift/drift_service.hpp"
#include "server/drift/verdict.hpp"

namespace argosy::server {

using ReleaseName = std::pair<std::string, std::string>;  // model, version
using References = std::map<ReleaseName, std::vector<wire::FeatureReference>>;

// Features that have counts to compare with; empty for a release that is unknown or has none.
References read_references(pqxx::work& transaction, const std::vector<ReleaseName>& releases);

using VerdictKey = std::tuple<std::string, std::string, std::string>;  // device, model, feature
using KnownVerdicts = std::map<VerdictKey, KnownVerdict>;

KnownVerdicts read_verdicts(pqxx::work& transaction, const std::vector<WatchedPair>& pairs);
void write_verdicts(pqxx::work& transaction, const std::vector<DriftVerdict>& verdicts, Instant now);
void drop_verdicts(pqxx::work& transaction, const std::vector<VerdictKey>& verdicts);
// The events of verdicts that changed; their scope by what the peers show now.
void announce_verdicts(pqxx::work& transaction, const std::vector<DriftVerdict>& verdicts, const DriftRule& rule);

// PSI of the same feature on other devices, at most 1000 of them.
std::vector<double> peer_psi(pqxx::work& transaction, const std::string& device, const std::string& model,
                             const std::string& version, const std::string& feature, std::uint64_t min_samples);

}  // namespace argosy::server
