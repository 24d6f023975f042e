#include "server/http/url_coding.hpp"

#include <algorithm>

#include "common/base/text.hpp"

namespace argosy::server {
namespace {

constexpr std::size_t max_parameters = 64;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

// "/path?query" of a target that may also be "http://host/path?query".
std::string_view origin_form(std::string_view target) {
  if (target.starts_with('/')) return target;
  const std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return {};
  const std::size_t slash = target.find('/', scheme + 3);
  return slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
}

bool is_printable(std::string_view path) {
  return is_text(path) && std::none_of(path.begin(), path.end(),
                                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

std::string percent_encode(std::string_view text, std::string_view also_plain) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (is_plain(c) || also_plain.find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return encoded;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return decoded;
}

Result<Query> parse_query(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value || !is_text(*name) || !is_text(*value)) {
      return make_error(Errc::invalid_argument, "the query does not decode at '" + shortened(pair) + "'");
    }
    if (query.size() >= max_parameters) return make_error(Errc::too_large, "the query has more than 64 parameters");
    query.insert_or_assign(std::move(*name), std::move(*value));
  }
  return query;
}

Result<Target> parse_target(std::string_view text) {
  const std::string_view whole = origin_form(text);
  const std::size_t mark = std::min(whole.find('?'), whole.size());
  auto path = percent_decode(whole.substr(0, mark), false);
  if (whole.empty() || !path || !path->starts_with('/') || !is_printable(*path))
    return make_error(Errc::invalid_argument, "the request's target does not decode to a path");
  ARGOSY_TRY(Query query, parse_query(whole.substr(std::min(mark + 1, whole.size()))));
  return Target{std::move(*path), std::move(query)};
}

}  // namespace argosy::server
