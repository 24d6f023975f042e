#include "server/drift/drift.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numbers>

#include "common/stats/bins.hpp"
#include "common/stats/drift.hpp"
#include "common/stats/reference.hpp"

namespace argosy::server {

namespace {

constexpr std::array<std::string_view, 4> verdict_names{"waiting", "stable", "moved", "drifted"};
constexpr std::array<std::string_view, 4> scope_names{"none", "device", "fleet", "unknown"};

// P(|Z| > |z|) for a normal Z.
double two_sided(double z) {
  return std::erfc(std::abs(z) / std::numbers::sqrt2);
}

// What z comes to where the scatter is that of so few: the tail of Student's t by that of a normal (D. L. Wallace, Ann.
// Math. Stat. 30, 1959). The degrees of freedom are fitted to simulated fleets of 6 to 60, whose hours depend on each
// other: some sixty devices are as good as any number.
double z_among(std::size_t devices, double z) {
  const auto others = static_cast<double>(devices - 1);
  const double freedom = others * others / 4;
  return (8 * freedom + 1) / (8 * freedom + 3) * std::sqrt(freedom * std::log1p(z * z / freedom));
}

std::string formatted(const char* format, double a, double b) {
  char text[96];
  std::snprintf(text, sizeof text, format, a, b);
  return text;
}

const char* words_of(Against against) {
  if (against == Against::last_year) return "in the same weeks of the year before";
  return against == Against::own ? "in this device's first days" : "in training";
}

std::string figures_of(const FeatureVerdict& verdict) {
  const auto& measures = verdict.measures;
  auto text = formatted("PSI %.2f, %.2f and more count", measures.psi, verdict.threshold);
  text += ", " + std::to_string(measures.samples) + " samples worth " +
          std::to_string(std::lround(measures.independent_samples));
  if (verdict.z && verdict.z_needed)
    text += formatted(", %.1f scatters from its peers with %.1f needed", std::abs(*verdict.z), *verdict.z_needed);
  return text;
}

}  // namespace

DriftMeasures measure_psi(const std::vector<std::uint64_t>& reference, double reference_samples,
                          const std::vector<std::uint64_t>& present, double present_samples) {
  DriftMeasures measures;
  measures.psi = population_stability_index(reference, present);
  measures.samples = total_of(present);
  measures.independent_samples = present_samples;
  measures.sampling_psi = expected_psi(reference, present, reference_samples, present_samples);
  measures.shift = rank_shift(reference, present);
  return measures;
}

void add_distances(DriftMeasures& measures, const std::vector<double>& edges,
                   const std::vector<std::uint64_t>& reference, const std::vector<std::uint64_t>& present) {
  measures.jensen_shannon = jensen_shannon(reference, present);
  measures.kolmogorov_smirnov = kolmogorov_smirnov(reference, present);
  measures.wasserstein_over_sd = wasserstein_over_sd(edges, reference, present);
}

DriftMeasures measure(const std::vector<double>& edges, const std::vector<std::uint64_t>& reference,
                      const std::vector<std::uint64_t>& present) {
  auto measures =
      measure_psi(reference, static_cast<double>(total_of(reference)), present, static_cast<double>(total_of(present)));
  add_distances(measures, edges, reference, present);
  return measures;
}

std::optional<DriftScore> drift_score(const std::vector<wire::FeatureReference>& reference,
                                      const std::map<std::string, std::vector<std::uint64_t>>& present) {
  std::optional<DriftScore> score;
  for (const auto& feature : reference) {
    const auto seen = present.find(feature.name);
    if (seen == present.end() || seen->second.size() != feature.counts.size()) continue;
    if (fault_of_reference(feature.counts)) continue;
    const DriftMeasures measures = measure(feature.edges, feature.counts, seen->second);
    if (measures.samples == 0) continue;
    const double beyond = measures.psi - measures.sampling_psi;
    if (!score) score = DriftScore{beyond, measures.samples};
    *score = {std::max(score->beyond_sampling, beyond), std::min(score->samples, measures.samples)};
  }
  return score;
}

std::optional<PeerDistance> peer_distance(const DriftRule& rule, const PeerUsual& usual,
                                          const DriftMeasures& measures) {
  if (usual.devices < rule.min_peers) return std::nullopt;
  PeerDistance distance;
  distance.shift_z = robust_z(usual.shift, measures.shift, rule.shift_floor);
  // To be nearer to the reference than one's peers are is no fault.
  distance.ln_psi_z = std::max(0.0, robust_z(usual.ln_psi, ln_of_psi(measures.psi), rule.ln_psi_floor));
  distance.z = std::abs(distance.shift_z) >= distance.ln_psi_z ? distance.shift_z : distance.ln_psi_z;
  distance.chance = std::min(1.0, 2 * two_sided(z_among(usual.devices, distance.z)));
  return distance;
}

double discovery_limit(double false_discovery, std::vector<double> chances) {
  std::sort(chances.begin(), chances.end());
  double limit = 0;
  for (std::size_t i = 0; i < chances.size(); ++i) {
    const double of_rank = false_discovery * static_cast<double>(i + 1) / static_cast<double>(chances.size());
    if (chances[i] <= of_rank) limit = of_rank;
  }
  return limit;
}

double z_of_chance(double chance) {
  double low = 0, high = 40;
  for (int step = 0; step < 60; ++step) {
    const double middle = (low + high) / 2;
    (2 * two_sided(middle) > chance ? low : high) = middle;
  }
  return high;
}

std::string_view to_string(DriftVerdictKind kind) {
  return verdict_names[static_cast<std::size_t>(kind)];
}

DriftVerdictKind drift_verdict_of(std::string_view text) {
  const auto found = std::find(verdict_names.begin(), verdict_names.end(), text);
  return found == verdict_names.end() ? DriftVerdictKind::waiting
                                      : static_cast<DriftVerdictKind>(found - verdict_names.begin());
}

std::string_view to_string(DriftScope scope) {
  return scope_names[static_cast<std::size_t>(scope)];
}

DriftScope drift_scope_of(std::string_view text) {
  const auto found = std::find(scope_names.begin(), scope_names.end(), text);
  return found == scope_names.end() ? DriftScope::none : static_cast<DriftScope>(found - scope_names.begin());
}

std::string describe_drift(const DriftRule& rule, const std::string& feature, const FeatureVerdict& verdict) {
  const auto name = "\"" + feature + "\"";
  const auto* before = words_of(verdict.against);
  switch (verdict.kind) {
    case DriftVerdictKind::waiting:
      return name + " has " + std::to_string(std::lround(verdict.measures.independent_samples)) + " of the " +
             std::to_string(std::lround(rule.min_samples)) + " independent samples that a verdict needs";
    case DriftVerdictKind::stable:
      return name + " looks as it did " + before + " (" + figures_of(verdict) + ")";
    case DriftVerdictKind::moved:
    case DriftVerdictKind::drifted:
      break;
  }
  const auto what = name + " no longer looks as it did " + before + " (" + figures_of(verdict) + ")";
  if (verdict.kind == DriftVerdictKind::drifted)
    return what + ", and other devices do not show it: look at this device's sensor";
  if (verdict.scope == DriftScope::fleet) return what + ", and most other devices show it too: the world has changed";
  if (verdict.scope == DriftScope::unknown)
    return what + "; fewer than " + std::to_string(rule.min_peers) + " other devices serve it, so nobody can tell why";
  return what + ", but not for long enough, or no further from its peers than they are from each other";
}

}  // namespace argosy::server
