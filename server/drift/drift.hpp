// Has the input or the output of a model changed on a device, and whose change is it? The rule, pure. Several features
// are compared with what the device showed in its first days (or, while these last, with the release's reference), and
// how far each moved with how far it moved on the device's peers at the same time. A device that moved and whose peers
// did not has a lens to clean: that is drift, and worth a page. Where most devices move, the season changes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/wire/desired.hpp"
#include "server/drift/peers.hpp"

namespace argosy::server {

struct DriftRule {
  double min_samples = 100;   // independent ones
  double open_psi = 0.2;      // on top of what sampling alone gives (expected_psi)
  double envelope_psi = 0.2;  // the same, against the release's reference
  std::size_t min_peers = 5;  // fewer say nothing about the fleet
  // Of features that are said to differ from the device's peers, so many do not (Benjamini and Hochberg, 1995).
  double false_discovery = 0.00002;
  double shift_floor = 0.03;  // peers are taken to scatter by no less
  double ln_psi_floor = 0.15;
  int votes_to_open = 6;  // of the last 8 hours
  int votes_to_close = 2;
  double fleet_psi = 0.35;   // a season: beyond this, on top of sampling,
  double fleet_share = 0.3;  // on so many of the devices,
  int fleet_hours = 48;      // for so long
};

struct DriftMeasures {
  double psi = 0;
  double jensen_shannon = 0;
  double kolmogorov_smirnov = 0;
  std::optional<double> wasserstein_over_sd;
  std::uint64_t samples = 0;
  double independent_samples = 0;  // as if drawn one by one
  double sampling_psi = 0;         // what that few samples give when nothing has moved
  double shift = 0;                // of the ranks, -0.5 to 0.5
};
// What a verdict hangs on alone: no distances beside PSI and shift.
DriftMeasures measure_psi(const std::vector<std::uint64_t>& reference, double reference_samples,
                          const std::vector<std::uint64_t>& present, double present_samples);
// `reference` and `present` have edges.size() + 2 bins; every sample counts as independent.
DriftMeasures measure(const std::vector<double>& edges, const std::vector<std::uint64_t>& reference,
                      const std::vector<std::uint64_t>& present);
// The other distances.
void add_distances(DriftMeasures& measures, const std::vector<double>& edges,
                   const std::vector<std::uint64_t>& reference, const std::vector<std::uint64_t>& present);

// How far all features moved: the largest PSI beyond what sampling alone gives, and the samples of the feature that has
// the fewest. Features without samples, or with a reference that will not do, are left out; nothing when all are.
struct DriftScore {
  double beyond_sampling = 0;
  std::uint64_t samples = 0;
};
std::optional<DriftScore> drift_score(const std::vector<wire::FeatureReference>& reference,
                                      const std::map<std::string, std::vector<std::uint64_t>>& present);

// How far a feature moved beyond its peers, in their scatter; nothing when they are too few.
struct PeerDistance {
  double z = 0;       // the larger of the two, in size
  double chance = 1;  // of a device like its peers to be so far off, both looked at
  double shift_z = 0;
  double ln_psi_z = 0;
};
std::optional<PeerDistance> peer_distance(const DriftRule& rule, const PeerUsual& usual, const DriftMeasures& measures);

// The chance up to which features differ, by Benjamini and Hochberg; 0: none does.
double discovery_limit(double false_discovery, std::vector<double> chances);
// The z that has this chance.
double z_of_chance(double chance);

enum class DriftVerdictKind : std::uint8_t {
  waiting,  // too few samples, or nothing to compare with
  stable,
  moved,    // the input is another, on the device's peers as well or for all that is known: a diagnosis
  drifted,  // it is another, and the peers' is not
};
std::string_view to_string(DriftVerdictKind kind);
DriftVerdictKind drift_verdict_of(std::string_view text);

enum class DriftScope : std::uint8_t { none, device, fleet, unknown };  // unknown: too few peers to tell
std::string_view to_string(DriftScope scope);
DriftScope drift_scope_of(std::string_view text);

struct FeatureVerdict {
  DriftVerdictKind kind = DriftVerdictKind::waiting;
  DriftScope scope = DriftScope::none;
  Against against = Against::training;
  DriftMeasures measures;
  double threshold = 0;     // of PSI, with what sampling gives
  std::optional<double> z;  // against peers; none: too few
  std::optional<double> z_needed;
  std::size_t peers = 0;
  int votes = 0;  // hours of the last 8 in which it differed
};

// One sentence for a person, with the figures that decided.
std::string describe_drift(const DriftRule& rule, const std::string& feature, const FeatureVerdict& verdict);

}  // namespace argosy::server
