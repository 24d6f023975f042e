// Rows as text/csv (RFC 4180): fields with a comma, a quote or a line break are quoted, lines end with CR LF, and what
// is not there is an empty field. A text that a spreadsheet would calculate, or that begins with ' itself, has a ' put
// before it: devices choose names, and people open the file. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace argosy::server {

class CsvWriter {
 public:
  CsvWriter& text(std::string_view field);
  CsvWriter& number(double value);
  CsvWriter& number(const std::optional<double>& value);
  CsvWriter& count(std::uint64_t value);
  void end_row();

  std::size_t size() const { return out_.size(); }
  std::string take();

 private:
  void separate();

  std::string out_;
  bool in_row_ = false;
};

}  // namespace argosy::server
