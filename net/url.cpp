#include "net/url.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace argosy::net {

namespace {

Error wrong_url(std::string_view url) {
  return make_error(Errc::invalid_argument,
                    "'" + std::string(url) + "' is not a server address: give one such as https://fleet.example:8443");
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  return failed == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
}

}  // namespace

std::string Endpoint::host_and_port() const {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port;
}

std::string Endpoint::authority() const {
  const std::string whole = host_and_port();
  return port == "443" ? whole.substr(0, whole.rfind(':')) : whole;
}

std::optional<Endpoint> parse_authority(std::string_view text) {
  if (text.empty() || text.find_first_of("/?#@\\ ") != std::string_view::npos) return std::nullopt;
  Endpoint endpoint;
  std::string_view port;
  if (text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    endpoint.host = text.substr(1, close - 1);
    port = text.substr(close + 1);
  } else {
    const auto colon = text.find(':');
    endpoint.host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon);
  }
  if (endpoint.host.empty() || (!port.empty() && (port.front() != ':' || !is_port(port.substr(1)))))
    return std::nullopt;
  endpoint.port = port.empty() ? "" : std::string(port.substr(1));
  return endpoint;
}

Result<Endpoint> parse_endpoint(std::string_view url) {
  constexpr std::string_view scheme = "https://";
  if (!url.starts_with(scheme)) return wrong_url(url);
  std::string_view rest = url.substr(scheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  auto endpoint = parse_authority(rest);
  if (!endpoint) return wrong_url(url);
  if (endpoint->port.empty()) endpoint->port = "443";
  return std::move(*endpoint);
}

std::string ServerUrl::to_string() const {
  return (tls ? "https://" : "http://") + endpoint.host_and_port();
}

Result<ServerUrl> parse_server_url(std::string_view text) {
  const auto wrong = [&] {
    return make_error(
        Errc::invalid_argument,
        "\"" + std::string(text) + "\" is not a server address; write http://HOST:PORT or https://HOST:PORT");
  };
  const bool tls = text.starts_with("https://");
  if (!tls && !text.starts_with("http://")) return wrong();
  std::string_view rest = text.substr(text.find("://") + 3);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  auto endpoint = parse_authority(rest);
  if (!endpoint) return wrong();
  if (endpoint->port.empty()) endpoint->port = tls ? "443" : "80";
  return ServerUrl{tls, std::move(*endpoint)};
}

Result<HttpUrl> parse_https_url(std::string_view url) {
  constexpr std::string_view scheme = "https://";
  const std::string_view whole = url.substr(0, url.find('#'));
  if (!whole.starts_with(scheme) || !is_printable(whole)) return wrong_url(url);
  const std::string_view rest = whole.substr(scheme.size());
  const auto path = rest.find_first_of("/?");
  auto endpoint = parse_authority(rest.substr(0, path));
  if (!endpoint) return wrong_url(url);
  if (endpoint->port.empty()) endpoint->port = "443";
  HttpUrl parsed{std::move(*endpoint), path == std::string_view::npos ? "" : std::string(rest.substr(path))};
  if (!parsed.target.starts_with('/')) parsed.target.insert(0, "/");
  return parsed;
}

Result<HttpUrl> parse_http_url(std::string_view url) {
  constexpr std::string_view scheme = "http://";
  const auto wrong = [&] {
    return make_error(Errc::invalid_argument, "'" + std::string(url) +
                                                  "' is not an address that can be asked: give one such as "
                                                  "http://127.0.0.1:8000 (plain HTTP, without a name or password)");
  };
  if (!url.starts_with(scheme)) return wrong();
  const std::string_view rest = url.substr(scheme.size());
  const auto slash = rest.find('/');
  HttpUrl parsed;
  auto endpoint = parse_authority(rest.substr(0, slash));
  if (slash != std::string_view::npos) parsed.target = rest.substr(slash);
  if (!endpoint || !is_printable(parsed.target)) return wrong();
  parsed.endpoint = std::move(*endpoint);
  if (parsed.endpoint.port.empty()) parsed.endpoint.port = "80";
  return parsed;
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

}  // namespace argosy::net
