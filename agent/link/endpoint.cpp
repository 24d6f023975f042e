#include "agent/link/endpoint.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace argosy::agent {

namespace {

Error wrong_url(std::string_view url) {
  return make_error(Errc::invalid_argument,
                    "'" + std::string(url) + "' is no server address: give one such as https://fleet.example:8443");
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  return failed == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

// HOST[:PORT], [IPv6][:PORT]; nothing when it is neither.
std::optional<Endpoint> parse_authority(std::string_view rest) {
  if (rest.empty() || rest.find_first_of("/?#@\\ ") != std::string_view::npos) return std::nullopt;
  Endpoint endpoint;
  std::string_view port;
  if (rest.front() == '[') {
    const auto close = rest.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    endpoint.host = rest.substr(1, close - 1);
    port = rest.substr(close + 1);
  } else {
    const auto colon = rest.find(':');
    endpoint.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) port = rest.substr(colon);
  }
  if (endpoint.host.empty() || (!port.empty() && (port.front() != ':' || !is_port(port.substr(1)))))
    return std::nullopt;
  endpoint.port = port.empty() ? "" : std::string(port.substr(1));
  return endpoint;
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
                                                  "' is no address that the agent can ask: give one such as "
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

}  // namespace argosy::agent
