#include "server/monitoring/served_figures.hpp"

#include <algorithm>

namespace argosy::server {
namespace {

constexpr double ms_per_s = 1000;

template <class Bounds, class Counts>
MetricHistogram histogram_of(const Bounds& bounds, double scale, const Counts& counts, double sum) {
  MetricHistogram histogram{{}, {counts.begin(), counts.end()}, sum};
  for (const double bound : bounds) histogram.bounds.push_back(bound / scale);
  return histogram;
}

MetricLabels labels_of(const std::pair<std::string, std::string>& pair) {
  return {{"model", pair.first}, {"version", pair.second}};
}

}  // namespace

void ServedFigures::add(const std::vector<TakenWindow>& windows, Instant now) {
  for (const TakenWindow& window : windows) {
    Sums& sums = sums_of(window, now);
    ++sums.windows;
    sums.inferences += window.count;
    sums.errors += window.errors;
    sums.labels += window.labelled;
    sums.correct += window.correct;
    const auto counts = window.latency.counts_by(latency_bounds_ms);
    std::transform(counts.begin(), counts.end(), sums.latency.begin(), sums.latency.begin(), std::plus<>());
    sums.latency_ms += window.latency.mean().value_or(0) * static_cast<double>(window.latency.count());
    sums.heard_at = now;
    add_lag(now - window.ended_at);
  }
}

ServedFigures::Sums& ServedFigures::sums_of(const TakenWindow& window, Instant now) {
  const Pair pair{window.model, window.version};
  const auto known = pairs_.find(pair);
  if (known != pairs_.end()) return known->second;
  if (pairs_.size() < most_pairs) return pairs_[pair];
  const auto oldest = std::min_element(
      pairs_.begin(), pairs_.end(), [](const auto& a, const auto& b) { return a.second.heard_at < b.second.heard_at; });
  if (now - oldest->second.heard_at < silence) return pairs_[{"other", "other"}];
  pairs_.erase(oldest);
  return pairs_[pair];
}

void ServedFigures::add_lag(Duration lag) {
  const double seconds = std::max(0.0, std::chrono::duration<double>(lag).count());
  const auto at = std::lower_bound(lag_bounds_s.begin(), lag_bounds_s.end(), seconds);
  ++lag_[static_cast<std::size_t>(at - lag_bounds_s.begin())];
  lag_s_ += seconds;
}

std::vector<FigureFamily> ServedFigures::families() const {
  FigureFamily windows{"argosy_served_windows_total", "Windows stored by this instance", MetricKind::counter};
  FigureFamily inferences{"argosy_served_inferences_total", "Inferences in the windows stored by this instance",
                          MetricKind::counter};
  FigureFamily errors{"argosy_served_errors_total", "Inferences in the windows stored by this instance that failed",
                      MetricKind::counter};
  FigureFamily labels{"argosy_served_labels_total", "Inferences whose right answer became known", MetricKind::counter};
  FigureFamily correct{"argosy_served_correct_total",
                       "Inferences whose right answer became known and was the one given", MetricKind::counter};
  FigureFamily latency{"argosy_served_latency_seconds", "Time that an inference took on its device",
                       MetricKind::histogram};
  FigureFamily lag{"argosy_telemetry_lag_seconds", "From the end of a window to its being stored",
                   MetricKind::histogram};
  for (const auto& [pair, sums] : pairs_) {
    const MetricLabels of_pair = labels_of(pair);
    windows.add(of_pair, static_cast<double>(sums.windows));
    inferences.add(of_pair, static_cast<double>(sums.inferences));
    errors.add(of_pair, static_cast<double>(sums.errors));
    labels.add(of_pair, static_cast<double>(sums.labels));
    correct.add(of_pair, static_cast<double>(sums.correct));
    latency.samples.push_back(
        {of_pair, histogram_of(latency_bounds_ms, ms_per_s, sums.latency, sums.latency_ms / ms_per_s)});
  }
  lag.samples.push_back({{}, histogram_of(lag_bounds_s, 1, lag_, lag_s_)});
  return {windows, inferences, errors, labels, correct, latency, lag};
}

}  // namespace argosy::server
