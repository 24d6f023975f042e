// A file of labels, line by line, however long it is: CSV with a line of names (device, model, id, label, and
// predicted_at and source where they are known), or a JSON object a line. Pure but for the stream that it reads.
#pragma once

#include <cstddef>
#include <istream>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/error.hpp"

namespace argosy::cli {

// As the API takes it, or what is wrong with it: the field, its value and what it must be.
Result<nlohmann::json> checked_label(nlohmann::json label);

class LabelFile {
 public:
  static constexpr std::size_t longest_line = 4096;  // bytes

  struct Line {
    std::size_t number = 0;
    Result<nlohmann::json> label;
  };

  explicit LabelFile(std::istream& in) : in_(in) {}
  // None at the end. Empty lines are passed over. Errc::invalid_argument: no line of this file can be read.
  Result<std::optional<Line>> next();

 private:
  bool read_line(std::string& line);
  Result<nlohmann::json> label_of(const std::string& line) const;

  std::istream& in_;
  std::size_t number_ = 0;
  bool is_too_long_ = false;
  std::vector<std::string> names_;  // of a CSV's columns
};

}  // namespace argosy::cli
