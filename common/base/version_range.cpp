#include "common/base/version_range.hpp"

#include <algorithm>
#include <array>

#include "common/base/text.hpp"

namespace argosy {

namespace {

struct Sign {
  std::string_view text;
  VersionOperator op;
};
constexpr std::array signs{Sign{"!=", VersionOperator::not_equal}, Sign{"<=", VersionOperator::at_most},
                           Sign{">=", VersionOperator::at_least},  Sign{"=", VersionOperator::equal},
                           Sign{"<", VersionOperator::less},       Sign{">", VersionOperator::over},
                           Sign{"~", VersionOperator::series}};
constexpr std::size_t most_bytes = 64;  // of a version in a range

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_plain_version(std::string_view text) {
  return !text.empty() && text.size() <= most_bytes && is_digit(text.front()) && is_digit(text.back()) &&
         text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<VersionNumber> VersionNumber::of(std::string_view text) {
  VersionNumber version;
  std::size_t at = 0;
  while (at < text.size() && is_digit(text[at]) && version.numbers_.size() < most_version_numbers) {
    std::uint64_t number = 0;
    const std::size_t end = at + most_version_digits;
    for (; at < text.size() && at < end && is_digit(text[at]); ++at)
      number = number * 10 + static_cast<std::uint64_t>(text[at] - '0');
    version.numbers_.push_back(number);
    if (at >= text.size() || text[at] != '.') break;
    ++at;
  }
  if (version.numbers_.empty()) return std::nullopt;
  return version;
}

VersionNumber VersionNumber::first_after_series() const {
  VersionNumber next = *this;
  ++next.numbers_.back();
  return next;
}

std::string VersionNumber::text() const {
  std::string text;
  for (const std::uint64_t number : numbers_) text += (text.empty() ? "" : ".") + std::to_string(number);
  return text;
}

std::strong_ordering operator<=>(const VersionNumber& a, const VersionNumber& b) {
  const std::size_t longest = std::max(a.numbers_.size(), b.numbers_.size());
  for (std::size_t i = 0; i < longest; ++i) {
    const std::uint64_t of_a = i < a.numbers_.size() ? a.numbers_[i] : 0;
    const std::uint64_t of_b = i < b.numbers_.size() ? b.numbers_[i] : 0;
    if (of_a != of_b) return of_a <=> of_b;
  }
  return std::strong_ordering::equal;
}

std::string_view to_string(VersionOperator op) {
  const auto found = std::find_if(signs.begin(), signs.end(), [op](const Sign& sign) { return sign.op == op; });
  return found->text;
}

std::optional<VersionOperator> version_operator_at(std::string_view text) {
  for (const Sign& sign : signs)
    if (text.starts_with(sign.text)) return sign.op;
  return std::nullopt;
}

bool holds(const VersionNumber& version, VersionOperator op, const VersionNumber& bound) {
  switch (op) {
    case VersionOperator::equal:
      return version == bound;
    case VersionOperator::not_equal:
      return version != bound;
    case VersionOperator::less:
      return version < bound;
    case VersionOperator::at_most:
      return version <= bound;
    case VersionOperator::over:
      return version > bound;
    case VersionOperator::at_least:
      return version >= bound;
    case VersionOperator::series:
      return version >= bound && version < bound.first_after_series();
  }
  return false;
}

Result<VersionRange> VersionRange::parse(std::string_view text) {
  VersionRange range;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    const std::string_view part = trimmed(text.substr(start, comma - start));
    const auto op = version_operator_at(part);
    const std::string_view bound = trimmed(part.substr(op ? to_string(*op).size() : 0));
    if (!is_plain_version(bound) || range.conditions_.size() == most_version_conditions)
      return make_error(Errc::invalid_argument, "\"" + shortened(text) + "\" is no range of versions: write up to " +
                                                    std::to_string(most_version_conditions) +
                                                    " conditions such as >=5.1,<6 or ~8.5, with numbers and dots");
    range.conditions_.push_back({op.value_or(VersionOperator::equal), *VersionNumber::of(bound), std::string(bound)});
    start = comma + 1;
  }
  return range;
}

bool VersionRange::contains(const VersionNumber& version) const {
  return std::all_of(conditions_.begin(), conditions_.end(),
                     [&](const Condition& condition) { return holds(version, condition.op, condition.bound); });
}

bool VersionRange::contains(std::string_view version) const {
  const auto number = VersionNumber::of(version);
  return number && contains(*number);
}

std::string VersionRange::text() const {
  std::string text;
  for (const Condition& condition : conditions_)
    text += (text.empty() ? "" : ",") + std::string(to_string(condition.op)) + condition.written;
  return text;
}

}  // namespace argosy
