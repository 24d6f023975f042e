#include "common/stats/device_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace argosy {

double harm_of(double before, double after, WorseWhen worse) {
  if (!std::isfinite(before) || !std::isfinite(after)) return std::numeric_limits<double>::quiet_NaN();
  return worse == WorseWhen::higher ? after - before : before - after;
}

double harm_of(const DeviceRow& row, WorseWhen worse) {
  return harm_of(row.before, row.after, worse);
}

std::optional<double> ln_quantile(const LogHistogram& histogram, double q) {
  const auto value = histogram.smooth_quantile(q);
  if (!value) return std::nullopt;
  return std::log(std::max(*value, LogHistogram::smallest));
}

void WeightedMean::add(double mean, double observations) {
  if (!std::isfinite(mean) || !std::isfinite(observations) || observations <= 0) return;
  sum += mean * observations;
  weight += observations;
}

void WeightedMean::merge(const WeightedMean& other) {
  sum += other.sum;
  weight += other.weight;
}

std::optional<double> WeightedMean::mean() const {
  if (weight <= 0) return std::nullopt;
  return sum / weight;
}

std::optional<double> rate_of(std::uint64_t events, std::uint64_t trials) {
  if (trials == 0) return std::nullopt;
  return static_cast<double>(std::min(events, trials)) / static_cast<double>(trials);
}

}  // namespace argosy
