// Reads the Prometheus text format (version 0.0.4) line by line, without keeping what nobody asked for. Pure; hostile
// text costs no more than its length.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace argosy::agent {

struct MetricSample {
  static constexpr std::size_t max_line_bytes = 8192;
  static constexpr std::size_t max_labels = 32;

  std::string_view name;
  std::vector<std::pair<std::string_view, std::string>> labels;  // values without their escapes
  double value = 0;

  // Empty when there is no such label.
  std::string_view label(std::string_view name) const;
};

// Calls `take` for each sample in turn; comments, timestamps and empty lines are passed over. Answers how many lines
// were no sample of the format, or beyond the limits: those are left out.
std::size_t read_metrics(std::string_view text, const std::function<void(const MetricSample&)>& take);

}  // namespace argosy::agent
