#include "server/base/metrics.hpp"

#include <algorithm>
#include <iterator>

namespace argosy::server {

MetricHistogram Histogram::now() const {
  MetricHistogram seen{{bounds.begin(), bounds.end()}, {}, sum_.load(std::memory_order_relaxed)};
  for (const auto& bucket : buckets_) seen.counts.push_back(bucket.load(std::memory_order_relaxed));
  return seen;
}

void Histogram::observe(double seconds) {
  const auto bucket =
      static_cast<std::size_t>(std::lower_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin());
  buckets_[bucket].fetch_add(1, std::memory_order_relaxed);
  double before = sum_.load(std::memory_order_relaxed);
  while (!sum_.compare_exchange_weak(before, before + seconds, std::memory_order_relaxed)) {
  }
}

struct Metrics::Family {
  std::string name, help;
  MetricKind kind;
  std::map<MetricLabels, Counter> counters;
  std::map<MetricLabels, Gauge> gauges;
  std::map<MetricLabels, Histogram> histograms;
  std::map<MetricLabels, std::function<double()>> reads;

  FigureFamily now() const {
    FigureFamily family{name, help, kind};
    for (const auto& [labels, counter] : counters) family.add(labels, static_cast<double>(counter.value()));
    for (const auto& [labels, gauge] : gauges) family.add(labels, gauge.value());
    for (const auto& [labels, histogram] : histograms) family.samples.push_back({labels, histogram.now()});
    for (const auto& [labels, read] : reads) family.add(labels, read());
    return family;
  }
};

Metrics::Metrics() = default;
Metrics::~Metrics() = default;

Metrics::Family& Metrics::family(const std::string& name, const std::string& help, MetricKind kind) {
  auto& slot = families_[name];
  if (!slot) slot = std::make_unique<Family>(Family{name, help, kind, {}, {}, {}, {}});
  return *slot;
}

Counter& Metrics::counter(const std::string& name, const std::string& help, const MetricLabels& labels) {
  const std::lock_guard lock(mutex_);
  return family(name, help, MetricKind::counter).counters[labels];
}

Gauge& Metrics::gauge(const std::string& name, const std::string& help, const MetricLabels& labels) {
  const std::lock_guard lock(mutex_);
  return family(name, help, MetricKind::gauge).gauges[labels];
}

Histogram& Metrics::histogram(const std::string& name, const std::string& help, const MetricLabels& labels) {
  const std::lock_guard lock(mutex_);
  return family(name, help, MetricKind::histogram).histograms[labels];
}

void Metrics::sampled(const std::string& name, const std::string& help, MetricKind kind, std::function<double()> read,
                      const MetricLabels& labels) {
  const std::lock_guard lock(mutex_);
  family(name, help, kind).reads[labels] = std::move(read);
}

void Metrics::include(Families families) {
  const std::lock_guard lock(mutex_);
  included_.push_back(std::move(families));
}

std::vector<FigureFamily> Metrics::families() const {
  const std::lock_guard lock(mutex_);
  std::vector<FigureFamily> all;
  for (const auto& [name, one] : families_) all.push_back(one->now());
  for (const auto& included : included_) {
    auto more = included();
    all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  return all;
}

}  // namespace argosy::server
