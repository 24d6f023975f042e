// The judgement of one pair: from its evidence, what is written of it, and what its peers show. The same for those who
// are remembered and those that were read from the database. Pure.
#pragma once

#include <optional>
#include <vector>

#include "server/drift/contract_watch.hpp"
#include "server/drift/evidence.hpp"
#include "server/drift/peers.hpp"
#include "server/drift/verdict.hpp"

namespace argosy::server {

struct DriftRules {
  EvidenceRule evidence{};
  DriftRule drift{};
  ContractRule contract{};
};

struct FeatureJudged {
  std::size_t place = 0;
  FeatureVerdict said;
};

struct PairJudged {
  std::vector<FeatureJudged> features;                  // that there is something to say of
  std::vector<PeerLook> looks;                          // for its peers; once an hour
  std::optional<std::vector<ContractBreach>> breaches;  // where they are others than before
  std::int64_t hour = 0;
};

// `was_drifted(place)`: as it is written, of this version. Votes in the evidence, once an hour. `is_new`: its peers
// have not heard of it from this process yet.
template <class WasDrifted>
PairJudged judge_pair(const DriftRules& rules, const PeerTable& peers, WasDrifted was_drifted, bool is_new, Instant now,
                      Evidence& evidence);

// What is compared of a feature; none: it has nothing to compare with, or no samples ever.
struct Comparison {
  Against against = Against::training;
  HistogramCounts reference;
  HistogramCounts present;
  DriftMeasures measures;
};
std::optional<Comparison> compare(const Evidence& evidence, std::size_t place);
// The same against one of them; none: it has that not.
std::optional<Comparison> compare_with(Against against, const Evidence& evidence, std::size_t place);
// PSI against the release's reference, where it lies beyond what sampling gives by envelope_psi.
std::optional<double> envelope_of(const DriftRule& rule, const Evidence& evidence, std::size_t place);

// The verdicts of all features that are compared, by what each showed, before anybody votes.
struct Looked {
  std::size_t place = 0;
  Comparison compared;
  std::optional<PeerDistance> distance;
  std::size_t peers = 0;
  double moved_share = 0;  // of its peers
  double threshold = 0;
  bool is_enough = false;
  bool is_high = false;
};
std::vector<Looked> look_at(const DriftRules& rules, const PeerTable& peers, const Evidence& evidence);
// What peers hear of it: against all that it can be compared with, as others may have less.
void add_looks(const DriftRule& rule, const Evidence& evidence, const Looked& looked, std::vector<PeerLook>& looks);
FeatureVerdict verdict_of(const DriftRules& rules, const Evidence& evidence, const Looked& looked, double discovery,
                          bool was_drifted);
double discovery_of(const DriftRule& rule, const std::vector<Looked>& looked);

template <class WasDrifted>
PairJudged judge_pair(const DriftRules& rules, const PeerTable& peers, WasDrifted was_drifted, bool is_new, Instant now,
                      Evidence& evidence) {
  PairJudged judged;
  judged.hour = to_ms(now) / std::max<std::int64_t>(1, rules.evidence.hour().count());
  const auto before = evidence.contract().faults();
  auto breaches = evidence.contract().judge(rules.contract, evidence.model(), rules.evidence.look,
                                            [&](std::size_t place) { return peers.anybody_has(place); });
  if (evidence.contract().faults() != before) judged.breaches = std::move(breaches);
  auto looks = look_at(rules, peers, evidence);
  const double discovery = discovery_of(rules.drift, looks);
  const bool is_new_hour = evidence.begin_hour(now);
  for (auto& looked : looks) {
    looked.is_high = looked.is_high && looked.distance && looked.distance->chance <= discovery;
    if (is_new_hour && looked.is_enough) evidence.vote(looked.place, looked.is_high);
    if ((is_new_hour || is_new) && looked.is_enough) add_looks(rules.drift, evidence, looked, judged.looks);
    judged.features.push_back(
        {looked.place, verdict_of(rules, evidence, looked, discovery, was_drifted(looked.place))});
  }
  return judged;
}

}  // namespace argosy::server
