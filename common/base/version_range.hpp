// Versions as programs and systems number themselves ("5.1.2", "8.5.2.2-1+cuda11.4"), compared number by number, and
// ranges of them (">=5.1,<6"). Pure. What follows the numbers is not compared; a missing number is 0.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace argosy {

inline constexpr std::size_t most_version_numbers = 8;     // more are not compared
inline constexpr std::size_t most_version_digits = 15;     // of one of them
inline constexpr std::size_t most_version_conditions = 8;  // in a range

class VersionNumber {
 public:
  // Nothing where `text` does not begin with a digit.
  static std::optional<VersionNumber> of(std::string_view text);

  VersionNumber first_after_series() const;  // "8.5": 8.6, the first that does not begin so
  std::string text() const;
  friend bool operator==(const VersionNumber& a, const VersionNumber& b) { return (a <=> b) == 0; }
  friend std::strong_ordering operator<=>(const VersionNumber& a, const VersionNumber& b);

 private:
  std::vector<std::uint64_t> numbers_;  // at least one
};

enum class VersionOperator : std::uint8_t { equal, not_equal, less, at_most, over, at_least, series };
std::string_view to_string(VersionOperator op);
// What stands at the beginning of `text`, the longest that fits; nothing when it begins otherwise.
std::optional<VersionOperator> version_operator_at(std::string_view text);

// Whether `version` stands so to `bound`: 8.5.2 is of the series ~8.5, and so is 8.5.
bool holds(const VersionNumber& version, VersionOperator op, const VersionNumber& bound);

class VersionRange {
 public:
  // ">=5.1,<6", "~8.5", "17": conditions between commas, all of which must hold; without an operator the version must
  // be the same. Errc::invalid_argument names the condition that is wrong.
  static Result<VersionRange> parse(std::string_view text);

  bool contains(const VersionNumber& version) const;
  bool contains(std::string_view version) const;  // false for what is no version
  std::string text() const;                       // in one form: ">=5.1,<6"
  friend bool operator==(const VersionRange& a, const VersionRange& b) { return a.text() == b.text(); }

 private:
  struct Condition {
    VersionOperator op = VersionOperator::equal;
    VersionNumber bound;
    std::string written;
  };
  std::vector<Condition> conditions_;
};

}  // namespace argosy
