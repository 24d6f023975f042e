#include "server/telemetry/query/csv.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace argosy::server {

namespace {

bool is_calculated(std::string_view field) {
  return !field.empty() && std::string_view("=+-@\t\r'").find(field.front()) != std::string_view::npos;
}

}  // namespace

void CsvWriter::separate() {
  if (in_row_) out_ += ',';
  in_row_ = true;
}

CsvWriter& CsvWriter::text(std::string_view field) {
  separate();
  const std::string_view before = is_calculated(field) ? "'" : "";
  if (field.find_first_of("\",\r\n") == std::string_view::npos) {
    out_.append(before).append(field);
    return *this;
  }
  out_.append("\"").append(before);
  for (const char each : field) {
    if (each == '"') out_ += '"';
    out_ += each;
  }
  out_ += '"';
  return *this;
}

CsvWriter& CsvWriter::number(double value) {
  separate();
  if (!std::isfinite(value)) return *this;
  std::array<char, 32> digits{};
  out_.append(digits.data(), std::to_chars(digits.begin(), digits.end(), value).ptr);
  return *this;
}

CsvWriter& CsvWriter::number(const std::optional<double>& value) {
  return value ? number(*value) : text({});
}

CsvWriter& CsvWriter::count(std::uint64_t value) {
  return text(std::to_string(value));
}

void CsvWriter::end_row() {
  out_ += "\r\n";
  in_row_ = false;
}

std::string CsvWriter::take() {
  in_row_ = false;
  return std::exchange(out_, {});
}

}  // namespace argosy::server
