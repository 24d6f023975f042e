#include "server/drift/drift.hpp"

#include <algorithm>
#include <cstdio>

#include "common/stats/bins.hpp"
#include "common/stats/drift.hpp"

namespace argosy::server {

namespace {

double sampling_psi(const std::vector<std::uint64_t>& reference, const std::vector<std::uint64_t>& present) {
  std::size_t used = 0;
  for (std::size_t i = 0; i < std::min(reference.size(), present.size()); ++i) used += reference[i] + present[i] > 0;
  const auto n = static_cast<double>(total_of(present));
  const auto m = static_cast<double>(total_of(reference));
  return used < 2 || n == 0 || m == 0 ? 0 : static_cast<double>(used - 1) * (1 / n + 1 / m);
}

}  // namespace

DriftMeasures measure_psi(const std::vector<std::uint64_t>& reference, const std::vector<std::uint64_t>& present) {
  DriftMeasures measures;
  measures.psi = population_stability_index(reference, present);
  measures.samples = total_of(present);
  measures.sampling_psi = sampling_psi(reference, present);
  return measures;
}

DriftMeasures measure(const std::vector<double>& edges, const std::vector<std::uint64_t>& reference,
                      const std::vector<std::uint64_t>& present) {
  return {population_stability_index(reference, present),
          jensen_shannon(reference, present),
          kolmogorov_smirnov(reference, present),
          wasserstein_over_sd(edges, reference, present),
          total_of(present),
          sampling_psi(reference, present)};
}

std::optional<DriftScore> drift_score(const std::vector<wire::FeatureReference>& reference,
                                      const std::map<std::string, std::vector<std::uint64_t>>& present) {
  std::optional<DriftScore> score;
  for (const auto& feature : reference) {
    const auto seen = present.find(feature.name);
    if (seen == present.end() || seen->second.size() != feature.counts.size()) continue;
    const DriftMeasures measures = measure(feature.edges, feature.counts, seen->second);
    if (measures.samples == 0) continue;
    const double beyond = measures.psi - measures.sampling_psi;
    if (!score) score = DriftScore{beyond, measures.samples};
    *score = {std::max(score->beyond_sampling, beyond), std::min(score->samples, measures.samples)};
  }
  return score;
}

bool judge_drift(const DriftRule& rule, const DriftMeasures& measures, bool drifted) {
  if (measures.samples < rule.min_samples) return drifted;
  return measures.psi - measures.sampling_psi >= (drifted ? rule.close_psi : rule.open_psi);
}

std::string_view to_string(DriftScope scope) {
  switch (scope) {
    case DriftScope::none:
      return "none";
    case DriftScope::device:
      return "device";
    case DriftScope::fleet:
      return "fleet";
    case DriftScope::unknown:
      return "unknown";
  }
  return "unknown";
}

DriftScope scope_of(const DriftRule& rule, bool drifted, const std::vector<double>& peer_psi) {
  if (!drifted) return DriftScope::none;
  if (peer_psi.size() < rule.min_peers) return DriftScope::unknown;
  const auto moved = std::count_if(peer_psi.begin(), peer_psi.end(), [&](double psi) { return psi >= rule.open_psi; });
  const bool most = static_cast<double>(moved) > rule.fleet_share * static_cast<double>(peer_psi.size());
  return most ? DriftScope::fleet : DriftScope::device;
}

std::string describe_drift(const DriftRule& rule, const std::string& feature, const DriftMeasures& measures,
                           bool drifted, DriftScope scope) {
  char figures[96];
  std::snprintf(figures, sizeof figures, "PSI %.2f over %llu samples", measures.psi,
                static_cast<unsigned long long>(measures.samples));
  if (!drifted && measures.samples < rule.min_samples)
    return "\"" + feature + "\" has " + std::to_string(measures.samples) + " of the " +
           std::to_string(rule.min_samples) + " samples that a verdict needs";
  if (!drifted) return "\"" + feature + "\" looks as it did in training (" + figures + ")";
  const std::string what = "\"" + feature + "\" no longer looks as it did in training (" + figures + ")";
  if (scope == DriftScope::device) return what + ", and other devices do not show it: look at this device's sensor";
  if (scope == DriftScope::fleet) return what + ", and most other devices show it too: the world has changed";
  return what;
}

}  // namespace argosy::server
