#include "cli/label_file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>

#include "common/base/id.hpp"
#include "common/base/instant.hpp"
#include "common/base/text.hpp"
#include "common/json/json_text.hpp"
#include "common/wire/labels.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 4> needed{"device", "model", "id", "label"};
constexpr std::array<std::string_view, 2> known_too{"predicted_at", "source"};

Error wrong(std::string_view field, const std::string& value, std::string_view rule) {
  return make_error(Errc::invalid_argument, std::string(field) + " \"" + shortened(value) + "\" " + std::string(rule));
}

// Quoted where a value has commas; a quote in it is doubled (RFC 4180).
std::vector<std::string> split_csv(std::string_view line) {
  std::vector<std::string> values(1);
  bool in_quotes = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool is_quote = line[i] == '"';
    if (is_quote && in_quotes && i + 1 < line.size() && line[i + 1] == '"') {
      values.back() += line[++i];
    } else if (is_quote) {
      in_quotes = !in_quotes;
    } else if (line[i] == ',' && !in_quotes) {
      values.emplace_back();
    } else {
      values.back() += line[i];
    }
  }
  return values;
}

std::string text_of(const json& label, std::string_view field) {
  const auto found = label.find(field);
  if (found == label.end() || found->is_null()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::optional<std::int32_t> class_of(const std::string& text) {
  std::int32_t number = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  return read.ec == std::errc() && read.ptr == end ? std::optional(number) : std::nullopt;
}

Result<std::vector<std::string>> read_names(const std::string& line) {
  std::vector<std::string> names = split_csv(line);
  for (const std::string_view name : needed)
    if (std::find(names.begin(), names.end(), name) == names.end())
      return make_error(Errc::invalid_argument, "the first line names no column \"" + std::string(name) +
                                                    "\": it must name device, model, id and label, or the file hold "
                                                    "a JSON object a line");
  return names;
}

}  // namespace

Result<json> checked_label(json label) {
  if (!label.is_object()) return make_error(Errc::invalid_argument, "is no JSON object");
  for (const auto& [field, value] : label.items()) {
    const bool known = std::find(needed.begin(), needed.end(), field) != needed.end() ||
                       std::find(known_too.begin(), known_too.end(), field) != known_too.end();
    if (!known) return wrong(field, text_of(label, field), "is none of device, model, id, label, predicted_at, source");
  }
  json checked;
  for (const std::string_view field : {"device", "model"}) {
    checked[std::string(field)] = text_of(label, field);
    if (!is_name(text_of(label, field))) return wrong(field, text_of(label, field), "must match [A-Za-z0-9_-]{1,64}");
  }
  checked["id"] = text_of(label, "id");
  if (!wire::parse_observation_id(text_of(label, "id")))
    return wrong("id", text_of(label, "id"), "must be a number from 1 to 2^63 - 1");
  const auto number = class_of(text_of(label, "label"));
  if (!number) return wrong("label", text_of(label, "label"), "must be a whole number of 32 bits");
  checked["label"] = *number;
  const std::string at = text_of(label, "predicted_at");
  if (!at.empty() && !parse_rfc3339(at)) return wrong("predicted_at", at, "must be a time like 2026-01-31T12:00:00Z");
  if (!at.empty()) checked["predicted_at"] = at;
  const std::string source = text_of(label, "source");
  if (source.size() > 64) return wrong("source", source, "must be at most 64 characters");
  if (!source.empty()) checked["source"] = source;
  return checked;
}

bool LabelFile::read_line(std::string& line) {
  line.clear();
  is_too_long_ = false;
  if (in_.peek() == std::istream::traits_type::eof()) return false;
  for (int c = in_.get(); c != std::istream::traits_type::eof() && c != '\n'; c = in_.get()) {
    is_too_long_ |= line.size() >= longest_line;
    if (!is_too_long_) line += static_cast<char>(c);
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  ++number_;
  return true;
}

Result<json> LabelFile::label_of(const std::string& line) const {
  if (is_too_long_) return make_error(Errc::invalid_argument, "is longer than 4,096 bytes");
  if (names_.empty()) {
    ARGOSY_TRY(json label, parse_json(line));
    return checked_label(std::move(label));
  }
  const std::vector<std::string> values = split_csv(line);
  if (values.size() != names_.size())
    return make_error(Errc::invalid_argument, "has " + std::to_string(values.size()) + " values, and the first line " +
                                                  std::to_string(names_.size()) + " names");
  json label = json::object();
  for (std::size_t i = 0; i < names_.size(); ++i)
    if (!values[i].empty()) label[names_[i]] = values[i];
  return checked_label(std::move(label));
}

Result<std::optional<LabelFile::Line>> LabelFile::next() {
  std::string line;
  while (read_line(line)) {
    if (line.empty()) continue;
    if (number_ == 1 && line.front() != '{') {
      ARGOSY_TRY(names_, read_names(line));
      continue;
    }
    return std::optional(Line{number_, label_of(line)});
  }
  return std::optional<Line>();
}

}  // namespace argosy::cli
