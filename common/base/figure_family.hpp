// Figures under their names, whoever made them and however they are told: the Prometheus text form is one way. Plain
// data and a pure function.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace argosy {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

enum class MetricKind : unsigned char { counter, gauge, histogram };

// How many values lie up to each bound and over the one before, and in one more count over the last.
struct MetricHistogram {
  std::vector<double> bounds;
  std::vector<std::uint64_t> counts;  // one more than bounds
  double sum = 0;
  std::uint64_t total() const;
};

struct MetricSample {
  MetricLabels labels;
  std::variant<double, MetricHistogram> value;
};

struct FigureFamily {
  std::string name;  // of Prometheus, with its unit and `_total`
  std::string help;
  MetricKind kind = MetricKind::gauge;
  std::vector<MetricSample> samples = {};

  void add(MetricLabels labels, double value) { samples.push_back({std::move(labels), value}); }
};

// Exposition format 0.0.4. A family without a sample is left out.
std::string prometheus_text(const std::vector<FigureFamily>& families);

}  // namespace argosy
