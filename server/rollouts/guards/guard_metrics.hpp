// What guards may compare, as data: a row for each metric says where its figure comes from, how two figures become a
// change, which way is harm, which margins it usually has, when it is looked at, and how it is worded. Measuring,
// judging, the policy's JSON and every text read this table; nothing else names a metric. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/stats/device_rows.hpp"
#include "common/wire/shadow.hpp"
#include "server/rollouts/guards/change_judge.hpp"
#include "server/rollouts/guards/figures.hpp"

namespace argosy::server {

enum class GuardMetric : std::uint8_t {  // in the order of the table
  latency_p95,
  error_rate,
  accuracy,
  silence,
  latency_p50,
  latency_p99,
  throughput,
  energy_per_inference,
  power,
  memory_used,
  cpu_temperature,
  confidence,
  drift,
  input_contract,
  custom,  // a number that programs report under a name of their own
  shadow_accuracy,
  shadow_disagreement,
};
std::string_view to_string(GuardMetric metric);

struct GuardFigure {
  double value = 0;
  std::uint64_t samples = 0;  // that it rests on
};

// Of a device that ran both versions on the same inputs.
struct PairedFigure {
  double old_version = 0;
  double new_version = 0;
};

// Of a device's change. ratio: figures are compared by their logarithms, and margins are factors over 1.
enum class Scale : std::uint8_t { ratio, difference };

// What one guard compares: a row of the table and, of `custom`, which number; of that the policy tells what the table
// tells of the others.
struct GuardedMetric {
  GuardMetric row{};
  std::string number{};
  Scale scale{};
  WorseWhen worse{};

  GuardedMetric() : GuardedMetric(GuardMetric{}) {}
  GuardedMetric(GuardMetric row);  // as the table has it
  bool is_custom() const { return !number.empty(); }
  bool is_same(const GuardedMetric& other) const { return row == other.row && number == other.number; }
  friend bool operator==(const GuardedMetric&, const GuardedMetric&) = default;
};
std::string to_string(const GuardedMetric& metric);  // "accuracy", "custom:queue_depth"
std::string words_of(const GuardedMetric& metric);   // in sentences
std::string_view to_string(Scale scale);
std::string_view to_string(WorseWhen worse);
std::optional<Scale> scale_named(std::string_view name);
std::optional<WorseWhen> worse_named(std::string_view name);

// What it is worked out from: windows, their counts by feature (kept where it is asked for), health samples, shadow
// runs.
enum class GuardSource : std::uint8_t { windows, features, health, shadow_runs };

struct GuardKey {  // a number of the policy document
  double standard = 0;
  double least = 0;
  double most = 0;
  std::string_view former{};  // an older name of the key, still read
};

struct GuardSpec {
  GuardMetric metric;
  std::string_view name;   // in documents
  std::string_view words;  // in sentences
  std::string_view unit;   // behind a figure
  int digits;              // of a figure
  // Nothing: the windows tell nothing of it. Null: who fell silent, which is no figure of windows.
  std::optional<GuardFigure> (*figure)(const Figures& side, const std::string& number);
  Scale scale;
  WorseWhen worse;
  Looks looks;
  GuardKey rollback;          // surely more harm than this: fails
  GuardKey promotion;         // surely less harm than this: passes
  GuardKey floor;             // in the metric's unit, of ratios: a smaller change is no harm
  std::uint64_t min_samples;  // of a device on either side, usually
  double resolution;          // of a device's change, in its unit; 0: a twentieth of its promotion margin
  double weight;              // usually, of the rollout's alpha: what rests on few labels needs more
  bool is_usual;              // of a policy that names no guards
  GuardSource source = GuardSource::windows;
  std::string_view family{};  // guards of one are judged together
  // Set: it comes from shadow runs, not from windows. Nothing: the counts tell too little of it.
  std::optional<PairedFigure> (*of_shadow)(const wire::ShadowCounts& counts, std::uint64_t min_samples) = nullptr;
  bool is_one_sided = false;  // the change is a share that has no past: a harmless release shows some of it, too
};

std::span<const GuardSpec> guard_specs();
const GuardSpec& spec_of(GuardMetric metric);
inline const GuardSpec& spec_of(const GuardedMetric& metric) {
  return spec_of(metric.row);
}
std::optional<GuardedMetric> metric_of(std::string_view name);
const std::string& metric_names();  // for whoever named none: "latency_p95, ... or custom:NAME"

struct GuardKeys {
  GuardKey rollback, promotion, floor;  // no floor: `most` is 0
};
GuardKeys keys_of(const GuardedMetric& metric);

// In the unit of a change: the logarithm for ratios. Nothing where that is not finite.
std::optional<double> on_scale(Scale scale, double value);
// A change, as people read it: "1.12 times", "+0.02".
std::string change_in_words(Scale scale, double change);

}  // namespace argosy::server
