#include "cli/url.hpp"

#include <charconv>

#include "common/base/encoding.hpp"

namespace argosy::cli {

std::string Url::to_string() const {
  return (tls ? "https://" : "http://") + host + ":" + std::to_string(port);
}

Result<Url> parse_url(std::string_view text) {
  const auto bad = [&] {
    return make_error(
        Errc::invalid_argument,
        "\"" + std::string(text) + "\" is not a server address; write http://HOST:PORT or https://HOST:PORT");
  };
  Url url;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    url.tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return bad();
  }
  while (rest.ends_with('/')) rest.remove_suffix(1);
  url.port = url.tls ? 443 : 80;
  const auto colon = rest.rfind(':');
  const bool bracketed = !rest.empty() && rest.back() == ']';
  if (colon != std::string_view::npos && !bracketed) {
    const std::string_view port = rest.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc{} || end != port.data() + port.size() || url.port == 0) return bad();
    rest = rest.substr(0, colon);
  }
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  if (rest.empty() || rest.find('/') != std::string_view::npos) return bad();
  url.host = std::string(rest);
  return url;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (unreserved.find(c) != std::string_view::npos) {
      encoded.push_back(c);
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(c);
    encoded.push_back('%');
    encoded.push_back(digits[byte >> 4]);
    encoded.push_back(digits[byte & 15]);
  }
  return encoded;
}

}  // namespace argosy::cli
