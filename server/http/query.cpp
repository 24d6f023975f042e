#include "server/http/query.hpp"

#include <charconv>

#include "common/base/text.hpp"

namespace argosy::server {
namespace {

constexpr std::size_t max_parameters = 64;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Result<std::int64_t> parse_integer(std::string_view text, std::string_view name) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return make_error(Errc::invalid_argument, std::string(name) + ": '" + shortened(text) + "' is not a whole number");
  }
  return value;
}

Result<std::int64_t> integer_query(const Request& request, std::string_view name, std::int64_t fallback,
                                   std::int64_t min, std::int64_t max) {
  const auto text = request.query_value(name);
  if (!text) return fallback;
  ARGOSY_TRY(const std::int64_t value, parse_integer(*text, name));
  if (value < min || value > max) {
    return make_error(Errc::invalid_argument, std::string(name) + " must be from " + std::to_string(min) + " to " +
                                                  std::to_string(max) + ", not " + std::to_string(value));
  }
  return value;
}

Result<std::optional<Instant>> instant_query(const Request& request, std::string_view name) {
  const auto text = request.query_value(name);
  if (!text || text->empty()) return std::optional<Instant>{};
  if (text->find_first_not_of("0123456789") == std::string_view::npos && text->size() <= 11) {
    ARGOSY_TRY(const std::int64_t seconds, parse_integer(*text, name));
    return std::optional<Instant>{instant_from_ms(seconds * 1000)};
  }
  auto at = parse_rfc3339(*text);
  if (!at) return std::move(at).error().within(name);
  return std::optional<Instant>{*at};
}

Result<std::int64_t> id_param(const Request& request, std::string_view name) {
  auto id = parse_integer(request.param(name), name);
  if (!id || *id < 1) {
    return make_error(Errc::not_found, "'" + shortened(request.param(name)) + "' is no id");
  }
  return id;
}

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

Result<std::map<std::string, std::string, std::less<>>> parse_query(std::string_view text) {
  std::map<std::string, std::string, std::less<>> query;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value || value->find('\0') != std::string::npos) {
      return make_error(Errc::invalid_argument, "the query does not decode at '" + shortened(pair) + "'");
    }
    if (query.size() >= max_parameters) return make_error(Errc::too_large, "the query has more than 64 parameters");
    query.insert_or_assign(std::move(*name), std::move(*value));
  }
  return query;
}

}  // namespace argosy::server
