// An instance's own counters, gauges and histograms. Any thread may count; series live as long as the registry. Base
// units, `_total` on counters, and no label whose values grow with the fleet (never a device). Each part puts its own
// figures in: add_metrics() in its header, which the composition root calls. Knows no domain word.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "common/base/figure_family.hpp"

namespace argosy::server {

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// Of durations in seconds: 1 ms to 60 s.
class Histogram {
 public:
  static constexpr std::array bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                     0.25,  0.5,    1.0,   2.5,  5.0,   10.0, 60.0};
  void observe(double seconds);
  MetricHistogram now() const;

 private:
  std::array<std::atomic<std::uint64_t>, bounds.size() + 1> buckets_{};
  std::atomic<double> sum_{0};
};

class Metrics {
 public:
  // The same name and labels give the same series. Keep the reference on a hot path.
  Counter& counter(const std::string& name, const std::string& help, const MetricLabels& labels = {});
  Gauge& gauge(const std::string& name, const std::string& help, const MetricLabels& labels = {});
  Histogram& histogram(const std::string& name, const std::string& help, const MetricLabels& labels = {});
  // A number that is read when somebody asks for families(), on the thread that asks; what is read lives as long as
  // that may be.
  template <class Read>
  void sampled_counter(const std::string& name, const std::string& help, Read read, const MetricLabels& labels = {}) {
    sampled(
        name, help, MetricKind::counter, [read] { return static_cast<double>(read()); }, labels);
  }
  template <class Read>
  void sampled_gauge(const std::string& name, const std::string& help, Read read, const MetricLabels& labels = {}) {
    sampled(
        name, help, MetricKind::gauge, [read] { return static_cast<double>(read()); }, labels);
  }

  // Whole families that a part keeps itself; read as the sampled numbers are.
  using Families = std::function<std::vector<FigureFamily>()>;
  void include(Families families);

  std::vector<FigureFamily> families() const;  // by name, and then what is included
  std::string text() const { return prometheus_text(families()); }

 private:
  struct Family;
  void sampled(const std::string& name, const std::string& help, MetricKind kind, std::function<double()> read,
               const MetricLabels& labels);
  Family& family(const std::string& name, const std::string& help, MetricKind kind);

  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Family>> families_;
  std::vector<Families> included_;

 public:
  Metrics();
  ~Metrics();
};

}  // namespace argosy::server
