// What guards may compare, as data: a row for each metric says where its figures come from, how two of them become an
// estimate of harm, which limit that has, and how it is worded. Measuring, judging, the policy's JSON and every text
// read this table; nothing else names a metric. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "common/stats/log_histogram.hpp"

namespace argosy::server {

enum class GuardMetric : std::uint8_t { latency_p95, error_rate, accuracy };  // in the order of the table
std::string_view to_string(GuardMetric metric);

// What the windows of one side, the new release or the one before, add up to.
struct WindowTotals {
  std::uint64_t count = 0;
  std::uint64_t errors = 0;
  std::uint64_t labelled = 0;
  std::uint64_t correct = 0;
  LogHistogram latency{};
  std::int64_t unreadable = 0;  // windows whose histogram cannot be read, and is left out
};

struct GuardFigure {
  double value = 0;
  std::uint64_t samples = 0;  // that it rests on
};

struct GuardSource {
  GuardFigure (*figure)(const WindowTotals& side);
  bool reads_histograms = false;  // else WindowTotals::latency may be empty: reading it costs more than the sums
};

// Of the figure that is worse if the release does harm, against the other one.
enum class Estimator : std::uint8_t { ratio, difference };
// What of the new release means harm.
enum class Harm : std::uint8_t { higher_figure, lower_figure };

struct GuardKey {  // of the policy document
  std::string_view name{};
  double standard = 0;
  double least = 0;
  double most = 0;
};

struct GuardSpec {
  GuardMetric metric;
  std::string_view name;   // in documents
  std::string_view words;  // in sentences
  std::string_view unit;   // behind a figure
  int digits;              // of a figure
  GuardSource source;
  Estimator estimator;
  Harm harm;
  GuardKey limit;           // of the estimate
  GuardKey least_change{};  // of the figures, for the estimate to count; without a name the policy has none
};

std::span<const GuardSpec> guard_specs();
const GuardSpec& spec_of(GuardMetric metric);

// By the row's estimator and harm; + means harm.
double estimate_of(const GuardSpec& spec, double canary, double baseline);

}  // namespace argosy::server
