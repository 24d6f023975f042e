// The rows that a comparison of two arms of a rollout reads: one a device, its figure before and after, and the
// figures themselves from what its windows add up to. The device is the unit: its windows only sharpen its own figure.
// Pure; values.
#pragma once

#include <cstdint>
#include <optional>

#include "common/stats/log_histogram.hpp"

namespace argosy {

enum class Arm : std::uint8_t { canary, control };
enum class WorseWhen : std::uint8_t { higher, lower };

inline constexpr std::uint32_t stratum_limit = 4096;  // devices of a stratum from here on count in no statistic

struct DeviceRow {
  std::uint32_t stratum = 0;  // its hardware class, numbered from 0 without large holes
  Arm arm = Arm::canary;
  double before =
      0;             // in the metric's unit, over the time before the release came (of a control: before the canaries')
  double after = 0;  // over the windows since, without those of the warm-up
};

// D: after less before, with the sign that makes + harm; in the metric's unit. NaN when either is not finite: such a
// device counts in no statistic.
double harm_of(double before, double after, WorseWhen worse);
double harm_of(const DeviceRow& row, WorseWhen worse);

// ln of the quantile q in [0, 1] of the values, smoothed inside its bucket (LogHistogram::smooth_quantile); within
// 0.02. Nothing when empty. Zeros count as LogHistogram::smallest. Why ln: latencies differ by factors, and a
// difference of logarithms is a ratio whatever the device's own speed.
std::optional<double> ln_quantile(const LogHistogram& histogram, double q);

// Sums of a metric that windows report as a mean over so many observations (confidence, accuracy, temperature). Merging
// gives what one window over all would have given.
struct WeightedMean {
  double sum = 0;     // in the metric's unit, times observations
  double weight = 0;  // observations

  void add(double mean, double observations);  // left out unless finite and observations > 0
  void merge(const WeightedMean& other);
  std::optional<double> mean() const;  // nothing without observations
};

// Events over trials, 0..1; nothing without trials. More events than trials count as all.
std::optional<double> rate_of(std::uint64_t events, std::uint64_t trials);

}  // namespace argosy
