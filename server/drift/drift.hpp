// Has the input of a model drifted on a device? The rule, pure: PSI of the rolling histogram against the histogram that
// came with the release, with enough samples and hysteresis; the device's peers tell a dirty lens from a season.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/wire/desired.hpp"

namespace argosy::server {

struct DriftRule {
  std::uint64_t min_samples = 300;  // PSI > 0.1 on 100 samples is wrong 31 % of the time
  double open_psi = 0.2;            // both on top of what sampling alone gives (sampling_psi)
  double close_psi = 0.15;
  std::size_t min_peers = 5;  // fewer say nothing about the fleet
  double fleet_share = 0.5;   // more peers than this moved: it is the world, not the device
};

struct DriftMeasures {
  double psi = 0;
  double jensen_shannon = 0;
  double kolmogorov_smirnov = 0;
  std::optional<double> wasserstein_over_sd;
  std::uint64_t samples = 0;
  // What PSI is on average when nothing has moved: (B - 1)(1/n + 1/m) for B bins in use and n and m samples, since
  // PSI / (1/n + 1/m) is about chi-squared with B - 1 degrees of freedom (B. Yurdakul, "Statistical Properties of
  // Population Stability Index", 2018).
  double sampling_psi = 0;
};
// What a verdict hangs on alone: PSI, the samples, and what sampling gives.
DriftMeasures measure_psi(const std::vector<std::uint64_t>& reference, const std::vector<std::uint64_t>& present);
// `reference` and `present` have edges.size() + 2 bins.
DriftMeasures measure(const std::vector<double>& edges, const std::vector<std::uint64_t>& reference,
                      const std::vector<std::uint64_t>& present);

// How far all features moved: the largest PSI beyond what sampling alone gives, and the samples of the feature that has
// the fewest. Features without samples are left out; nothing when all are.
struct DriftScore {
  double beyond_sampling = 0;
  std::uint64_t samples = 0;
};
std::optional<DriftScore> drift_score(const std::vector<wire::FeatureReference>& reference,
                                      const std::map<std::string, std::vector<std::uint64_t>>& present);

// The next verdict. Too few samples leave the verdict as it was.
bool judge_drift(const DriftRule& rule, const DriftMeasures& measures, bool drifted);

enum class DriftScope : std::uint8_t { none, device, fleet, unknown };  // unknown: too few peers to tell
std::string_view to_string(DriftScope scope);
// Whose drift it is; `peer_psi` are the same model's and feature's on other devices.
DriftScope scope_of(const DriftRule& rule, bool drifted, const std::vector<double>& peer_psi);

// One sentence for a person.
std::string describe_drift(const DriftRule& rule, const std::string& feature, const DriftMeasures& measures,
                           bool drifted, DriftScope scope);

}  // namespace argosy::server
