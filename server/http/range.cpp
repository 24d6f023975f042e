#include "server/http/range.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "common/base/text.hpp"

namespace argosy::server {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Error outside(std::string_view header, std::uint64_t content_size) {
  return make_error(Errc::range_not_satisfiable, "the range '" + shortened(header) + "' lies outside of the " +
                                                     std::to_string(content_size) + " bytes there are");
}

}  // namespace

Result<std::optional<ByteRange>> parse_range(std::string_view header, std::uint64_t content_size) {
  constexpr std::string_view unit = "bytes=";
  const std::optional<ByteRange> everything;
  if (!header.starts_with(unit)) return everything;
  const std::string_view spec = trimmed(header.substr(unit.size()));
  const std::size_t dash = spec.find('-');
  if (dash == std::string_view::npos || spec.find(',') != std::string_view::npos) return everything;
  const std::string_view from = spec.substr(0, dash);
  const std::string_view to = spec.substr(dash + 1);

  if (from.empty()) {  // the last n bytes
    const auto count = number(to);
    if (!count) return everything;
    if (*count == 0 || content_size == 0) return outside(header, content_size);
    const std::uint64_t size = std::min(*count, content_size);
    return std::optional(ByteRange{content_size - size, size});
  }
  const auto first = number(from);
  const auto last = to.empty() ? std::optional(UINT64_MAX) : number(to);
  if (!first || !last || *last < *first) return everything;
  if (*first >= content_size) return outside(header, content_size);
  return std::optional(ByteRange{*first, std::min(*last, content_size - 1) - *first + 1});
}

bool etag_matches(std::string_view header, std::string_view etag) {
  while (!header.empty()) {
    const std::size_t end = std::min(header.find(','), header.size());
    std::string_view item = trimmed(header.substr(0, end));
    header.remove_prefix(std::min(end + 1, header.size()));
    if (item == "*") return true;
    if (item.starts_with("W/")) item.remove_prefix(2);
    if (item.size() >= 2 && item.front() == '"' && item.back() == '"' && item.substr(1, item.size() - 2) == etag) {
      return true;
    }
  }
  return false;
}

}  // namespace argosy::server
