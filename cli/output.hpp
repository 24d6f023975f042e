// What a command prints: tables for people, one JSON document with --json, progress on a terminal. Results go to
// stdout, everything else to stderr. Honours NO_COLOR.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/error.hpp"

namespace argosy::cli {

struct OutputOptions {
  bool json = false;
  bool quiet = false;
};

using Row = std::vector<std::string>;

// Columns as wide as their widest cell; a column whose cells are all numbers is aligned to the right.
std::string format_table(const Row& header, const std::vector<Row>& rows);
void print_table(const Row& header, const std::vector<Row>& rows);
void print_json(const nlohmann::json& document);
void print_note(const OutputOptions& options, std::string_view text);  // stderr, unless quiet
void print_error(const OutputOptions& options, const Error& error);    // with --json: {"error": {"type", "message"}}

// A cell: text of a JSON value, "-" for null or a missing key. `path` uses JSON pointer syntax.
std::string cell(const nlohmann::json& item, const std::string& path);
std::string human_bytes(double bytes);

// One line on stderr that is redrawn; silent when stderr is no terminal.
class ProgressLine {
 public:
  ProgressLine(std::string label, std::uint64_t total);
  ~ProgressLine();
  void update(std::uint64_t done);

 private:
  std::string label_;
  std::uint64_t total_;
  int last_percent_ = -1;
  bool visible_;
};

}  // namespace argosy::cli
