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
};
std::string_view to_string(GuardMetric metric);

struct GuardFigure {
  double value = 0;
  std::uint64_t samples = 0;  // that it rests on
};

// Of a device's change. ratio: figures are compared by their logarithms, and margins are factors over 1.
enum class Scale : std::uint8_t { ratio, difference };

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
  std::optional<GuardFigure> (*figure)(const Figures& side);
  Scale scale;
  WorseWhen worse;
  Looks looks;
  GuardKey rollback;          // surely more harm than this: fails
  GuardKey promotion;         // surely less harm than this: passes
  GuardKey floor;             // in the metric's unit, of ratios: a smaller change is no harm
  std::uint64_t min_samples;  // of a device on either side, usually
  double resolution;          // of a device's change, in its unit
  double weight;              // usually, of the rollout's alpha: what rests on few labels needs more
  bool is_usual;              // of a policy that names no guards
};

std::span<const GuardSpec> guard_specs();
const GuardSpec& spec_of(GuardMetric metric);
std::optional<GuardMetric> metric_of(std::string_view name);

// In the unit of a change: the logarithm for ratios. Nothing where that is not finite.
std::optional<double> on_scale(const GuardSpec& spec, double value);
// A change, as people read it: "1.12 times", "+0.02".
std::string change_in_words(const GuardSpec& spec, double change);

}  // namespace argosy::server
