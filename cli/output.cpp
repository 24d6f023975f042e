#include "cli/output.hpp"

#include <algorithm>
#include <cstdio>

#include <unistd.h>

namespace argosy::cli {

using nlohmann::json;

namespace {

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789.,% -+") == std::string::npos;
}

// Code points, not bytes: names may hold more than ASCII.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::string space(width - std::min(width, width_of(text)), ' ');
  return right ? space + text : text + space;
}

}  // namespace

std::string format_table(const Row& header, const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  std::vector<bool> numeric;
  for (std::size_t c = 0; c < header.size(); ++c) {
    std::size_t width = width_of(header[c]);
    bool numbers = !rows.empty();
    for (const Row& row : rows) {
      width = std::max(width, width_of(row[c]));
      numbers = numbers && (is_number(row[c]) || row[c] == "-");
    }
    widths.push_back(width);
    numeric.push_back(numbers);
  }
  std::string text;
  const auto add_line = [&](const Row& row) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (c > 0) line += "  ";
      line += padded(row[c], widths[c], numeric[c]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  add_line(header);
  for (const Row& row : rows) add_line(row);
  return text;
}

void print_table(const Row& header, const std::vector<Row>& rows) {
  std::fputs(format_table(header, rows).c_str(), stdout);
}

void print_json(const json& document) {
  std::puts(document.dump(2).c_str());
}

void print_note(const OutputOptions& options, std::string_view text) {
  if (!options.quiet) std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

void print_error(const OutputOptions& options, const Error& error) {
  if (options.json) print_json({{"error", {{"type", std::string(slug(error.code))}, {"message", error.message}}}});
  std::fprintf(stderr, "argosy: %s\n", error.message.c_str());
}

std::string cell(const json& item, const std::string& path) {
  const json::json_pointer pointer(path);
  if (!item.contains(pointer)) return "-";
  const json& value = item.at(pointer);
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get_ref<const std::string&>().empty() ? "-" : value.get_ref<const std::string&>();
  return value.dump();
}

std::string human_bytes(double bytes) {
  constexpr const char* units[] = {"B", "KB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < std::size(units)) {
    bytes /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text;
}

ProgressLine::ProgressLine(std::string label, std::uint64_t total)
    : label_(std::move(label)), total_(total), visible_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  if (visible_ && last_percent_ >= 0) std::fputc('\n', stderr);
}

void ProgressLine::update(std::uint64_t done) {
  if (!visible_ || total_ == 0) return;
  const int percent = static_cast<int>(std::min<std::uint64_t>(done, total_) * 100 / total_);
  if (percent == last_percent_) return;
  last_percent_ = percent;
  std::fprintf(stderr, "\r%s %3d %%  %s", label_.c_str(), percent, human_bytes(static_cast<double>(total_)).c_str());
}

}  // namespace argosy::cli
