#include "common/base/figure_family.hpp"

#include <array>
#include <cstdio>
#include <numeric>
#include <string_view>

namespace argosy {
namespace {

std::string_view type_of(MetricKind kind) {
  switch (kind) {
    case MetricKind::counter:
      return "counter";
    case MetricKind::gauge:
      return "gauge";
    case MetricKind::histogram:
      return "histogram";
  }
  return "untyped";
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"' || c == '\n') out += '\\';
    out += c == '\n' ? 'n' : c;
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

void write_histogram(std::string& out, const std::string& name, const MetricLabels& labels,
                     const MetricHistogram& histogram) {
  std::uint64_t up_to_here = 0;
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    up_to_here += histogram.counts[i];
    const std::string bound = i < histogram.bounds.size() ? number(histogram.bounds[i]) : "+Inf";
    out += name + "_bucket" + braces(labels, "le=\"" + bound + "\"") + " " + std::to_string(up_to_here) + "\n";
  }
  out += name + "_sum" + braces(labels) + " " + number(histogram.sum) + "\n";
  out += name + "_count" + braces(labels) + " " + std::to_string(up_to_here) + "\n";
}

void write_family(std::string& out, const FigureFamily& family) {
  out += "# HELP " + family.name + " " + family.help + "\n# TYPE " + family.name + " ";
  out.append(type_of(family.kind)).append("\n");
  for (const MetricSample& sample : family.samples) {
    if (const auto* histogram = std::get_if<MetricHistogram>(&sample.value)) {
      write_histogram(out, family.name, sample.labels, *histogram);
    } else {
      out += family.name + braces(sample.labels) + " " + number(std::get<double>(sample.value)) + "\n";
    }
  }
}

}  // namespace

std::uint64_t MetricHistogram::total() const {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

std::string prometheus_text(const std::vector<FigureFamily>& families) {
  std::string out;
  for (const FigureFamily& family : families)
    if (!family.samples.empty()) write_family(out, family);
  return out;
}

}  // namespace argosy
