#include "server/drift/judgement.hpp"

#include "common/stats/bins.hpp"

namespace argosy::server {

namespace {

struct Before {
  HistogramCounts counts;
  double independent_samples = 0;
};

Before before_of(Against against, const Evidence& evidence, std::size_t place) {
  Before before;
  switch (against) {
    case Against::last_year:
      before.counts = evidence.last_year_at(place);
      before.independent_samples = evidence.last_year_independent_samples(total_of(before.counts));
      break;
    case Against::own:
      before.counts = evidence.own_at(place);
      before.independent_samples = evidence.own_independent_samples(total_of(before.counts));
      break;
    case Against::training:
      const auto& feature = evidence.model().features[place];
      if (feature.has_reference()) before.counts = feature.reference.counts;
      before.independent_samples = static_cast<double>(total_of(before.counts));
      break;
  }
  return before;
}

}  // namespace

std::optional<Comparison> compare_with(Against against, const Evidence& evidence, std::size_t place) {
  auto before = before_of(against, evidence, place);
  if (total_of(before.counts) == 0) return std::nullopt;
  Comparison compared{against, std::move(before.counts), evidence.present_at(place), {}};
  compared.measures = measure_psi(compared.reference, before.independent_samples, compared.present,
                                  evidence.independent_samples(total_of(compared.present)));
  return compared;
}

std::optional<Comparison> compare(const Evidence& evidence, std::size_t place) {
  for (auto against = all_against.rbegin(); against != all_against.rend(); ++against) {
    if (auto compared = compare_with(*against, evidence, place)) return compared;
  }
  Comparison alone{Against::training, {}, evidence.present_at(place), {}};
  alone.measures.samples = total_of(alone.present);
  return alone.measures.samples > 0 ? std::optional(std::move(alone)) : std::nullopt;
}

std::optional<double> envelope_of(const DriftRule& rule, const Evidence& evidence, std::size_t place) {
  const auto& feature = evidence.model().features[place];
  if (!feature.has_reference()) return std::nullopt;
  const auto& counts = feature.reference.counts;
  const auto present = evidence.present_at(place);
  const auto samples = evidence.independent_samples(total_of(present));
  if (samples < rule.min_samples) return std::nullopt;
  const auto measures = measure_psi(counts, static_cast<double>(total_of(counts)), present, samples);
  const double beyond = measures.psi - measures.sampling_psi;
  return beyond >= rule.envelope_psi ? std::optional(beyond) : std::nullopt;
}

namespace {

void hold_against_peers(const DriftRule& rule, const PeerTable& peers, const DriftMeasures& measures, Against against,
                        Looked& looked) {
  const auto& usual = peers.usual(looked.place, against);
  const auto distance = peer_distance(rule, usual, measures);
  const bool says_less = distance && (!looked.distance || distance->chance > looked.distance->chance);
  if (looked.peers > 0 && !says_less) return;
  looked.peers = usual.devices;
  looked.moved_share = usual.moved_share;
  if (distance) looked.distance = distance;
}

}  // namespace

std::vector<Looked> look_at(const DriftRules& rules, const PeerTable& peers, const Evidence& evidence) {
  std::vector<Looked> looks;
  for (std::size_t place = 0; place < evidence.model().features.size(); ++place) {
    auto compared = compare(evidence, place);
    if (!compared) continue;
    Looked looked{place, std::move(*compared), {}};
    const auto& measures = looked.compared.measures;
    looked.threshold = rules.drift.open_psi + measures.sampling_psi;
    looked.is_enough = !looked.compared.reference.empty() && measures.independent_samples >= rules.drift.min_samples;
    if (looked.is_enough) hold_against_peers(rules.drift, peers, measures, looked.compared.against, looked);
    // A fault of the year before that was mended is a change against its weeks, and none against the first days.
    if (looked.is_enough && looked.compared.against == Against::last_year) {
      if (const auto own = compare_with(Against::own, evidence, place))
        hold_against_peers(rules.drift, peers, own->measures, Against::own, looked);
    }
    looked.is_high = looked.is_enough && measures.psi >= looked.threshold;
    looks.push_back(std::move(looked));
  }
  return looks;
}

void add_looks(const DriftRule& rule, const Evidence& evidence, const Looked& looked, std::vector<PeerLook>& looks) {
  for (const auto against : all_against) {
    const auto compared = compare_with(against, evidence, looked.place);
    if (!compared) continue;
    const auto& measures = compared->measures;
    looks.push_back(
        {looked.place, against, measures.shift, measures.psi, measures.psi - measures.sampling_psi > rule.fleet_psi});
  }
}

double discovery_of(const DriftRule& rule, const std::vector<Looked>& looks) {
  std::vector<double> chances;
  for (const auto& looked : looks) {
    if (looked.distance) chances.push_back(looked.distance->chance);
  }
  return discovery_limit(rule.false_discovery, std::move(chances));
}

FeatureVerdict verdict_of(const DriftRules& rules, const Evidence& evidence, const Looked& looked, double discovery,
                          bool was_drifted) {
  FeatureVerdict verdict;
  verdict.against = looked.compared.against;
  verdict.measures = looked.compared.measures;
  verdict.threshold = looked.threshold;
  verdict.peers = looked.peers;
  verdict.votes = evidence.votes(looked.place);
  if (looked.distance) {
    verdict.z = looked.distance->z;
    const auto compared = evidence.model().features.size();
    verdict.z_needed =
        z_of_chance(discovery > 0 ? discovery : rules.drift.false_discovery / static_cast<double>(compared));
  }
  const int needed = was_drifted ? rules.drift.votes_to_close + 1 : rules.drift.votes_to_open;
  if (!looked.is_enough) {
    // Too few samples leave the verdict as it was.
    verdict.kind = was_drifted ? DriftVerdictKind::drifted : DriftVerdictKind::waiting;
  } else if (verdict.votes >= needed) {
    verdict.kind = DriftVerdictKind::drifted;
  } else {
    const bool has_moved = verdict.measures.psi >= looked.threshold;
    verdict.kind = has_moved ? DriftVerdictKind::moved : DriftVerdictKind::stable;
  }
  if (verdict.kind == DriftVerdictKind::drifted) {
    verdict.scope = DriftScope::device;
  } else if (verdict.kind == DriftVerdictKind::moved) {
    verdict.scope = looked.peers < rules.drift.min_peers           ? DriftScope::unknown
                    : looked.moved_share > rules.drift.fleet_share ? DriftScope::fleet
                                                                   : DriftScope::device;
  }
  return verdict;
}

}  // namespace argosy::server
