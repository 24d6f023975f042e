#include "server/base/metrics.hpp"

#include <algorithm>
#include <cstdio>

namespace argosy::server {
namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string braces(const MetricLabels& labels, const std::string& more = {}) {
  std::string inside = more;
  for (const auto& [name, value] : labels) inside += (inside.empty() ? "" : ",") + name + "=\"" + escaped(value) + "\"";
  return inside.empty() ? "" : "{" + inside + "}";
}

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.15g", value);
  return text.data();
}

}  // namespace

void Histogram::observe(double seconds) {
  const auto bucket =
      static_cast<std::size_t>(std::lower_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin());
  buckets_[bucket].fetch_add(1, std::memory_order_relaxed);
  double before = sum_.load(std::memory_order_relaxed);
  while (!sum_.compare_exchange_weak(before, before + seconds, std::memory_order_relaxed)) {
  }
}

struct Metrics::Family {
  std::string name, help, type;
  std::map<MetricLabels, Counter> counters;
  std::map<MetricLabels, Gauge> gauges;
  std::map<MetricLabels, Histogram> histograms;
  std::map<MetricLabels, std::function<double()>> reads;

  void write(std::string& out) const {
    out += "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
    for (const auto& [labels, counter] : counters) line(out, braces(labels), std::to_string(counter.value()));
    for (const auto& [labels, gauge] : gauges) line(out, braces(labels), number(gauge.value()));
    for (const auto& [labels, histogram] : histograms) write_histogram(out, labels, histogram);
    for (const auto& [labels, read] : reads) line(out, braces(labels), number(read()));
  }

  void line(std::string& out, const std::string& labels, const std::string& value) const {
    out += name + labels + " " + value + "\n";
  }

  void write_histogram(std::string& out, const MetricLabels& labels, const Histogram& histogram) const {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i <= Histogram::bounds.size(); ++i) {
      total += histogram.count(i);
      const std::string bound = i < Histogram::bounds.size() ? number(Histogram::bounds[i]) : "+Inf";
      out += name + "_bucket" + braces(labels, "le=\"" + bound + "\"") + " " + std::to_string(total) + "\n";
    }
    out += name + "_sum" + braces(labels) + " " + number(histogram.sum()) + "\n";
    out += name + "_count" + braces(labels) + " " + std::to_string(total) + "\n";
  }
};

Metrics::Metrics() = default;
Metrics::~Metrics() = default;

Metrics::Family& Metrics::family(const std::string& name, const std::string& help, const std::string& type) {
  auto& slot = families_[name];
  if (!slot) slot = std::make_unique<Family>(Family{name, help, type, {}, {}, {}, {}});
  return *slot;
}

Counter& Metrics::counter(const std::string& name, const std::string& help, const MetricLabels& labels) {
  const std::lock_guard lock(mutex_);
  return family(name, help, "counter").counters[labels];
}

Gauge& Metrics::gauge(const std::string& name, const std::string& help, const MetricLabels& labels) {
  const std::lock_guard lock(mutex_);
  return family(name, help, "gauge").gauges[labels];
}

Histogram& Metrics::histogram(const std::string& name, const std::string& help, const MetricLabels& labels) {
  const std::lock_guard lock(mutex_);
  return family(name, help, "histogram").histograms[labels];
}

void Metrics::sampled(const std::string& name, const std::string& help, const std::string& type,
                      std::function<double()> read, const MetricLabels& labels) {
  const std::lock_guard lock(mutex_);
  family(name, help, type).reads[labels] = std::move(read);
}

std::string Metrics::text() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& [name, one] : families_) one->write(out);
  return out;
}

}  // namespace argosy::server
