#include "server/drift/judgement.hpp"

#include "common/stats/bins.hpp"

namespace argosy::server {

std::optional<Comparison> compare(const Evidence& evidence, std::size_t place) {
  const auto& feature = evidence.model().features[place];
  Comparison compared{Against::training, {}, evidence.present_at(place), {}};
  const auto samples = total_of(compared.present);
  double reference_samples = 0;
  auto own = evidence.own_at(place);
  if (total_of(own) > 0) {
    compared.against = Against::own;
    reference_samples = evidence.own_independent_samples(total_of(own));
    compared.reference = std::move(own);
  } else if (feature.has_reference()) {
    compared.reference = feature.reference.counts;
    reference_samples = static_cast<double>(total_of(compared.reference));
  } else if (samples == 0) {
    return std::nullopt;
  } else {
    compared.measures.samples = samples;
    return compared;
  }
  compared.measures =
      measure_psi(compared.reference, reference_samples, compared.present, evidence.independent_samples(samples));
  return compared;
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

std::vector<Looked> look_at(const DriftRules& rules, const PeerTable& peers, const Evidence& evidence) {
  std::vector<Looked> looks;
  for (std::size_t place = 0; place < evidence.model().features.size(); ++place) {
    auto compared = compare(evidence, place);
    if (!compared) continue;
    Looked looked{place, std::move(*compared), {}};
    const auto& measures = looked.compared.measures;
    looked.threshold = rules.drift.open_psi + measures.sampling_psi;
    looked.is_enough = !looked.compared.reference.empty() && measures.independent_samples >= rules.drift.min_samples;
    if (looked.is_enough)
      looked.distance = peer_distance(rules.drift, peers.usual(place, looked.compared.against), measures);
    looked.is_high = looked.is_enough && measures.psi >= looked.threshold;
    looks.push_back(std::move(looked));
  }
  return looks;
}

void add_looks(const DriftRule& rule, const Evidence& evidence, const Looked& looked, std::vector<PeerLook>& looks) {
  const auto add = [&](Against against, const DriftMeasures& measures) {
    looks.push_back(
        {looked.place, against, measures.shift, measures.psi, measures.psi - measures.sampling_psi > rule.fleet_psi});
  };
  const auto& compared = looked.compared;
  add(compared.against, compared.measures);
  const auto& feature = evidence.model().features[looked.place];
  if (compared.against == Against::training || !feature.has_reference()) return;
  const auto& counts = feature.reference.counts;
  add(Against::training, measure_psi(counts, static_cast<double>(total_of(counts)), compared.present,
                                     compared.measures.independent_samples));
}

double discovery_of(const DriftRule& rule, const std::vector<Looked>& looks) {
  std::vector<double> chances;
  for (const auto& looked : looks) {
    if (looked.distance) chances.push_back(looked.distance->chance);
  }
  return discovery_limit(rule.false_discovery, std::move(chances));
}

FeatureVerdict verdict_of(const DriftRules& rules, const PeerTable& peers, const Evidence& evidence,
                          const Looked& looked, double discovery, bool was_drifted) {
  const auto& usual = peers.usual(looked.place, looked.compared.against);
  FeatureVerdict verdict;
  verdict.against = looked.compared.against;
  verdict.measures = looked.compared.measures;
  verdict.threshold = looked.threshold;
  verdict.peers = usual.devices;
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
    verdict.scope = usual.devices < rules.drift.min_peers         ? DriftScope::unknown
                    : usual.moved_share > rules.drift.fleet_share ? DriftScope::fleet
                                                                  : DriftScope::device;
  }
  return verdict;
}

}  // namespace argosy::server
