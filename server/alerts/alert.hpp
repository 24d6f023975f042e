// Alerts: types and the rules that open and close them, pure. Every rule is a function of what lies in the database
// now, so a server that was restarted in the middle of an episode goes on as if nothing had happened.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/instant.hpp"
#include "common/stats/accuracy.hpp"
#include "common/stats/fall_evidence.hpp"
#include "common/stats/hourly_usual.hpp"

namespace argosy::server {

// A rule that the server brings along. An alert knows the name of its rule alone: others come as data.
struct BuiltInRule {
  std::string_view name;
  std::string_view severity;
};
namespace built_in {
inline constexpr BuiltInRule latency_doubled{"latency_doubled", "warning"};
inline constexpr BuiltInRule accuracy_low{"accuracy_low", "critical"};
inline constexpr BuiltInRule gone_dark{"gone_dark", "critical"};
inline constexpr BuiltInRule drift{"drift", "warning"};
inline constexpr BuiltInRule input_contract{"input_contract", "warning"};
inline constexpr BuiltInRule identity_shared{"identity_shared", "critical"};
inline constexpr BuiltInRule site_dark{"site_dark", "critical"};
inline constexpr BuiltInRule rollout_paused{"rollout_paused", "warning"};
inline constexpr BuiltInRule rollout_halted{"rollout_halted", "warning"};
}  // namespace built_in

enum class AlertState : std::uint8_t { ok, pending, firing, resolved };
std::string_view to_string(AlertState state);

struct LatencyRule {
  double open_ratio = 2.0;    // p95 against the device's own usual p95 at this hour of the day
  double open_z = 6;          // and so many sigmas over it, of ln p95,
  double least_sigma = 0.05;  // where sigma is no less than this
  double min_delta_ms = 2;    // and at least this much slower
  double close_ratio = 1.5;
  double open_ratio_unknown = 5;           // at an hour that no day knows yet: a rush of four times is nothing unusual
  std::size_t open_high = 2;               // so many high ones
  std::size_t open_of = 3;                 // of the newest so many windows open it,
  double open_chance = 1e-6;               // more of more, where single ones are high so often that this is no chance,
  std::uint64_t open_inferences = 100;     // or the same share of as many as hold so many inferences: the p95 of a
                                           // few is their slowest, and one stall is no slowdown
  std::size_t close_after = 10;            // so many windows in a row under close_ratio close it
  std::uint64_t baseline_windows = 10;     // fewer windows make no baseline, of all hours or of a new one
  std::uint64_t baseline_memory = 10'000;  // the mean of all hours is that of about so many windows
  std::uint64_t high_memory = 2'000;       // of how often single windows are high
  std::uint64_t min_count = 5;             // windows with fewer inferences are added up until there are so many
};

struct AccuracyRule {
  FallTuning fall{};
  // Of labels at the threshold that come all the time, on average at least. Simulated, it is some ten times that.
  double hours_between_false_pages = 3'000;
  std::uint64_t min_labels = 50;  // fewer close nothing
  std::uint64_t labels = 200;     // what is told, and closes, is the newest windows with about so many labels
  double z = 1.96;                // of the interval that is told: 95 %
};

// A device's usual latency for one version, from ln p95 of its windows while no alert was open.
struct LatencyBaseline {
  double ln_p95_mean = 0;  // of all hours
  std::uint64_t windows = 0;
  Instant until{};        // windows that started up to here have been judged
  double high_share = 0;  // of windows, those that were high for no longer than a stall
  HourlyUsual by_hour = {};
  double p95_ms() const;
};

struct LatencyWindow {
  Instant started_at{};
  double p95_ms = 0;
  std::uint64_t count = 0;  // inferences
};

struct LatencyJudgement {
  AlertState state = AlertState::ok;
  double value_ms = 0;  // p95 of the window that decided
  double baseline_ms = 0;
  double ratio = 0;
  double high_from_ms = 0;  // from here on a window is high
};

// What is usual at this moment: at this hour of the last seven days; of an hour that no day knows, so far in it, once
// that is enough windows, or the most of any hour where that is more. In a device's first two hours, and while an alert
// is open, the hour before has to do, or the mean of all there is. Nothing: it has to learn first. So neither a daily
// rise to four times the latency nor the way back from a quiet hour is an alarm, not even on a device's first day.
struct UsualLatency {
  double ms = 0;
  bool is_guess = false;  // no day knows this hour: what lies far over it alone is high
};
std::optional<UsualLatency> usual_latency_at(const LatencyRule& rule, const LatencyBaseline& baseline,
                                             AlertState present, Instant at);

// So many high windows of so many open it, where single ones are high for a share of the time.
struct HighRun {
  std::size_t high = 0;
  std::size_t of = 0;
};
HighRun run_beyond_chance(const LatencyRule& rule, double high_share);

// One window further: the baseline learns from it unless it is high or the alert is firing. `recent` ends with the new
// window, oldest first, and holds up to max(open_of, close_after) windows of the version.
LatencyJudgement judge_latency(const LatencyRule& rule, LatencyBaseline& baseline, AlertState present,
                               const std::vector<LatencyWindow>& recent);

struct AccuracyWindow {
  std::uint64_t labelled = 0;
  std::uint64_t correct = 0;
};

// Of one version on one device, from its labels.
struct AccuracySeen {
  AccuracyWindow newest{};       // of about as many labels as the rule tells of
  double newest_span_hours = 0;  // in which they came
  double likeness = 0;           // of the labels of an hour
  double fall_hours = 0;         // how long labels at the threshold go on average until they look so much like a fall
};

struct AccuracyJudgement {
  AlertState state = AlertState::ok;
  double value = 0;      // share correct
  ShareBounds bounds{};  // of it: Wilson's interval on the labels' effective number
  std::uint64_t labels = 0;
  double effective_labels = 0;  // so many drawn one by one would tell as much
};

// Opens when no share at the threshold looks so much like a fall oftener than once in the rule's hours, however often
// this is asked; closes when the share itself is back at it.
AccuracyJudgement judge_accuracy(const AccuracyRule& rule, double threshold, AlertState present,
                                 const AccuracySeen& seen);

struct Alert {
  std::int64_t id = 0;
  std::string rule;
  std::string severity;
  std::string device;                   // empty: it is about a site or a rollout
  std::string site;                     // empty: it is not about a site
  std::optional<std::int64_t> rollout;  // none: it is not about a rollout
  std::string rollout_name;
  std::string group;  // "site/berlin", "rollout/12" or "rule/drift"
  std::string model;  // empty: the whole device
  AlertState state = AlertState::ok;
  std::optional<double> value;
  std::optional<double> threshold;
  std::string message;
  std::string details_json = "{}";
  Instant opened_at{};
  std::optional<Instant> fired_at;
  std::optional<Instant> resolved_at;
  std::optional<Instant> acknowledged_at;
  std::string acknowledged_by;
  std::string acknowledgement;  // what they wrote
  std::optional<std::int64_t> inhibited_by;
  std::optional<std::int64_t> silenced_by;
  bool is_flapping = false;
  std::optional<Instant> told_at;
  int escalations = 0;
};
std::string alert_to_json(const Alert& alert);

// What should be true of one (rule, device or site or rollout, model) now.
struct AlertFinding {
  std::string rule;
  std::string severity;  // "warning" or "critical"
  std::string device;
  std::string model;
  AlertState state = AlertState::ok;  // ok withdraws a pending alert and resolves a firing one
  std::optional<double> value;
  std::optional<double> threshold;
  std::string message;  // why it fires, or why it is over
  std::string details_json = "{}";
  std::string site = {};                     // instead of a device
  std::optional<std::int64_t> rollout = {};  // instead of either
  bool is_final = false;                     // ends the alert although it flaps: what it is about is no more
};
// "device/cam-7", "site/berlin" or "rollout/12".
std::string subject_of(const AlertFinding& finding);

enum class AlertStep : std::uint8_t { none, open_pending, fire, refresh, withdraw, resolve };
// The state machine: from where the open alert is (ok: there is none) to where the finding wants it. A firing alert
// never falls back to pending: that is the hysteresis of the rules' business.
AlertStep next_step(AlertState present, AlertState wanted);

}  // namespace argosy::server
