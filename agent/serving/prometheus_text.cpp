#include "agent/serving/prometheus_text.hpp"

#include <charconv>
#include <limits>
#include <optional>

namespace argosy::agent {

namespace {

bool is_name_byte(char c, bool first) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
  return letter || (!first && c >= '0' && c <= '9');
}

std::string_view take_name(std::string_view& rest) {
  std::size_t length = 0;
  while (length < rest.size() && is_name_byte(rest[length], length == 0)) ++length;
  const std::string_view name = rest.substr(0, length);
  rest.remove_prefix(length);
  return name;
}

void skip_blanks(std::string_view& rest) {
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
}

bool take_byte(std::string_view& rest, char wanted) {
  if (rest.empty() || rest.front() != wanted) return false;
  rest.remove_prefix(1);
  return true;
}

// From the opening quote to the closing one.
std::optional<std::string> take_quoted(std::string_view& rest) {
  if (!take_byte(rest, '"')) return std::nullopt;
  std::string value;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return value;
    }
    if (rest[i] != '\\') {
      value += rest[i];
      continue;
    }
    if (++i == rest.size()) return std::nullopt;
    value += rest[i] == 'n' ? '\n' : rest[i];
  }
  return std::nullopt;
}

bool take_labels(std::string_view& rest, MetricSample& sample) {
  if (!take_byte(rest, '{')) return true;
  for (skip_blanks(rest); !take_byte(rest, '}'); skip_blanks(rest)) {
    if (sample.labels.size() == MetricSample::max_labels) return false;
    const std::string_view name = take_name(rest);
    skip_blanks(rest);
    if (name.empty() || !take_byte(rest, '=')) return false;
    skip_blanks(rest);
    auto value = take_quoted(rest);
    if (!value) return false;
    sample.labels.emplace_back(name, std::move(*value));
    skip_blanks(rest);
    if (!take_byte(rest, ',') && (rest.empty() || rest.front() != '}')) return false;
  }
  return true;
}

std::optional<double> parse_value(std::string_view text) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  if (text == "+Inf" || text == "Inf") return infinite;
  if (text == "-Inf") return -infinite;
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<MetricSample> parse_line(std::string_view line) {
  if (line.size() > MetricSample::max_line_bytes) return std::nullopt;
  MetricSample sample;
  sample.name = take_name(line);
  if (sample.name.empty()) return std::nullopt;
  skip_blanks(line);
  if (!take_labels(line, sample)) return std::nullopt;
  skip_blanks(line);
  const auto value = parse_value(line.substr(0, line.find_first_of(" \t")));  // a timestamp may follow
  if (!value) return std::nullopt;
  sample.value = *value;
  return sample;
}

}  // namespace

std::string_view MetricSample::label(std::string_view wanted) const {
  for (const auto& [label_name, value] : labels)
    if (label_name == wanted) return value;
  return {};
}

std::size_t read_metrics(std::string_view text, const std::function<void(const MetricSample&)>& take) {
  std::size_t refused = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    skip_blanks(line);
    if (line.empty() || line.front() == '#') continue;
    if (const auto sample = parse_line(line))
      take(*sample);
    else
      ++refused;
  }
  return refused;
}

}  // namespace argosy::agent
