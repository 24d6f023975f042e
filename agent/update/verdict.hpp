// Judgements, pure: whether this device is one that a wish is for, whether a validated model may serve, and whether a
// version in probation may stay.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/update/update_state.hpp"
#include "common/stats/calibration.hpp"

namespace argosy::agent {

// What argosy-runner found out, or how it ended.
struct RunnerReport {
  enum class End : std::uint8_t { finished, crashed, timed_out, not_started };
  End end = End::finished;
  bool ok = false;
  std::string error_type;  // when not ok: "malformed_model", "memory", ...
  std::string error_message;
  std::optional<double> value;        // on the release's data set
  std::optional<double> local_value;  // on the device's own
  std::optional<std::uint64_t> samples;
  std::uint64_t unusable = 0;            // of both sets' samples: answered with what is no number
  std::optional<double> latency_p95_ms;  // on the release's data set, else on the device's own
  std::optional<double> peak_memory_mb;
  std::optional<CalibrationCounts> calibration;  // on the release's data set, else on the device's own
};

struct ValidationOutcome {
  bool passed = false;
  bool models_fault = true;  // false: this device could not validate at all
  std::string cause;         // empty when passed
  std::string message;       // when passed: what could not be asked of it
  std::optional<double> value;
  std::optional<double> serving_value;  // of the version that serves, measured for comparison
  std::optional<std::uint64_t> samples;
  std::optional<double> latency_p95_ms;
  std::optional<double> serving_p95_ms;
  std::optional<double> peak_memory_mb;
  friend bool operator==(const ValidationOutcome&, const ValidationOutcome&) = default;
};

// Why this device cannot run what is wished; empty: it can, as far as it is told now. Its class is the server's to say.
std::string judge_suitability(const wire::DesiredModel& wish, const wire::Capabilities& capabilities);

// Whether the version that serves has to be measured too.
bool compares_with_serving(const wire::ValidationSpec& spec);

// `serving`: the same measurement of the version that serves; none when there is no such version. What it cannot be
// compared with is not asked of the new one, and the message says so.
ValidationOutcome judge_validation(const wire::ValidationSpec& spec, const RunnerReport& report,
                                   const std::optional<RunnerReport>& serving = std::nullopt);

// The cause when probation saw too few inferences to judge by, whether the version was committed or not.
inline constexpr const char* too_few_observations = "probation_too_few";

struct ProbationVerdict {
  enum class Choice : std::uint8_t { wait, commit, roll_back };
  Choice choice = Choice::wait;
  bool strike = false;  // worse at this look; the second in a row rolls back
  std::string cause;    // of a roll-back, or too_few_observations
  std::string message;
};

// One look. `strikes` counts the looks in a row before this one at which it was worse, `elapsed` since activation.
ProbationVerdict judge_probation(const wire::ProbationSpec& spec, const Baseline& baseline,
                                 const ProbationTotals& totals, int strikes, Duration elapsed);

}  // namespace argosy::agent
