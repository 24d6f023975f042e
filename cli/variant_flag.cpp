#include "cli/variant_flag.hpp"

#include <algorithm>

#include "common/base/id.hpp"

namespace argosy::cli {

namespace {

Error no_variant(std::string message) {
  return make_error(Errc::invalid_argument, std::move(message));
}

// Where the conditions begin: after the longest file that is there, else at the first comma.
std::size_t end_of_file(const std::string& text, const FileExists& exists) {
  for (std::size_t end = text.size(); end != std::string::npos && end > 0; end = text.rfind(',', end - 1))
    if (exists(text.substr(0, end))) return end;
  return std::min(text.find(','), text.size());
}

Result<void> take_conditions(const std::string& text, std::size_t start, VariantFlag& variant) {
  std::string key;
  for (; start <= text.size(); start = std::min(text.find(',', start), text.size()) + 1) {
    const auto comma = std::min(text.find(',', start), text.size());
    ARGOSY_TRY(key, wire::take_condition(variant.selector, text.substr(start, comma - start), key));
  }
  return {};
}

}  // namespace

Result<VariantFlag> parse_variant_flag(const std::string& text, const FileExists& exists) {
  VariantFlag variant;
  const std::size_t end = end_of_file(text, exists);
  const std::string head = text.substr(0, end);
  if (end < text.size()) ARGOSY_CHECK(take_conditions(text, end + 1, variant));
  const auto equals = head.find('=');
  if (equals == std::string::npos || exists(head)) {
    variant.file = head;
    return variant;
  }
  variant.name = head.substr(0, equals);
  variant.file = head.substr(equals + 1);
  if (!is_name(variant.name))
    return no_variant("there is no file \"" + head + "\", and \"" + variant.name +
                      "\" is no name of a variant, which may hold letters, digits, - and _: write [NAME=]FILE, for "
                      "example fp32=" +
                      head);
  return variant;
}

}  // namespace argosy::cli
