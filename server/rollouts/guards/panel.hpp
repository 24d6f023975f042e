// The panel of a rollout: the devices whose figures its guards compare, and what each of them measured before the
// rollout, while it waited, and on the new release. Fed window by window as telemetry comes; nothing of it is read
// again. Pure; one owner at a time. At most panel_limit devices a rollout, drawn from every wave: more would sharpen
// nothing that matters, and each costs a row to keep.
//
// Each wave is compared over its own time: figures of waiting and updated devices begin anew when it opens, so that
// canaries and controls are measured over the same hours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/instant.hpp"
#include "common/stats/assignments.hpp"
#include "common/stats/device_rows.hpp"
#include "common/stats/reporting_evidence.hpp"
#include "common/wire/desired.hpp"
#include "common/wire/shadow.hpp"
#include "server/rollouts/guards/figures.hpp"
#include "server/rollouts/guards/guard_metrics.hpp"

namespace argosy::server {

inline constexpr std::int64_t panel_limit = 4000;

// Of the wave that was open then; of another wave they say nothing now.
struct WaveFigures {
  int wave = -1;
  Figures figures{};
};

struct PanelMember {
  std::string device;
  std::uint32_t stratum = 0;               // its hardware class, by its place in GuardPanel::classes
  int wave = 0;                            // in which it is told
  std::string old_version{};               // what it ran when the rollout began; empty: nothing of this model
  std::optional<Instant> updated_since{};  // its first window on the new release
  bool has_it = false;    // came to run the release, as it reports: a canary, though no window of it may have come
  bool has_left = false;  // revoked, or another rollout's by now: in no row
  Figures before{};       // on the old release, before the rollout began
  WaveFigures waiting{};
  WaveFigures updated{};
  std::optional<wire::ShadowCounts> shadow{};  // of its shadow run in this rollout, before it was updated
};

struct PanelWave {  // that is open
  int wave = 0;
  Instant opened_at{};
  std::string version;  // of the rollout
  Duration warm_up{0};  // a device's first time on the new release does not count
  bool counts_features = false;
};

// Whether something changed.
bool take(PanelMember& member, const PanelWave& open, std::string_view version, const TakenWindow& window);
bool take(PanelMember& member, const PanelWave& open, const wire::HealthSample& sample, Instant at);

struct GuardPanel {
  std::vector<std::string> classes;  // of hardware
  std::vector<PanelMember> members;
};

// Of the versions that the panel runs, by version.
using FeatureReferences = std::map<std::string, std::vector<wire::FeatureReference>>;
// How far what each side saw lies from what its release was trained on.
void score_drift(GuardPanel& panel, const std::string& new_version, const FeatureReferences& references);
// How much of it breaks the input contract of its release.
using InputContracts = std::map<std::string, JudgedReference>;
void score_contracts(GuardPanel& panel, const std::string& new_version, const InputContracts& contracts);

// What of a side counts now; nothing when it is of an earlier wave.
const Figures* figures_in(const WaveFigures& side, int wave);

// Whether nobody measured anything before: there is nothing to compare with.
bool has_no_past(const GuardPanel& panel);

// The median time over which the updated members were measured in this wave; 0 while none was.
Duration exposure_of(const GuardPanel& panel, int wave);

// By class, how many there are and how many of them are canaries once everybody of the open wave is updated.
std::vector<StratumSize> planned_sizes(const GuardPanel& panel, int wave);

struct PanelRows {
  std::vector<DeviceRow> rows;         // in the unit of a change; classes from classes.size() on are first installs
  std::vector<std::uint32_t> members;  // of the panel, one a row
  std::uint64_t canaries = 0;          // updated members
  std::uint64_t first_installs = 0;    // of these, those that had nothing to compare with: judged against their peers
  std::uint64_t unmeasured = 0;        // canaries with too little to compare yet
  std::uint64_t controls = 0;          // waiting members in the rows
  std::uint64_t was_reported = 0;      // members whose figures before the rollout have this metric
  std::optional<double> canary;        // medians of what was measured since, in the metric's unit
  std::optional<double> control;
  std::optional<double> before;  // of the canaries, before
};

struct RowRules {
  int wave = 0;
  Instant now{};
  Duration least_exposure{0};     // a canary that was measured for a shorter time waits for the next look
  Duration silent_after{0};       // without a window for so long, and twice the length of its own
  std::uint64_t min_samples = 1;  // on either side
};
// By class, who of those that reported at `since` has fallen silent until now.
std::vector<SilenceStep> silence_since(const GuardPanel& panel, const RowRules& rules, Instant since);

PanelRows rows_of(const GuardPanel& panel, const GuardedMetric& metric, const RowRules& rules);

}  // namespace argosy::server
