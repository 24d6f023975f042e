#include "agent/link/endpoint.hpp"

#include <charconv>

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

}  // namespace

std::string Endpoint::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == "443" ? name : name + ":" + port;
}

Result<Endpoint> parse_endpoint(std::string_view url) {
  constexpr std::string_view scheme = "https://";
  if (!url.starts_with(scheme)) return wrong_url(url);
  std::string_view rest = url.substr(scheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.empty() || rest.find_first_of("/?#@ ") != std::string_view::npos) return wrong_url(url);
  Endpoint endpoint;
  std::string_view port;
  if (rest.front() == '[') {
    const auto close = rest.find(']');
    if (close == std::string_view::npos) return wrong_url(url);
    endpoint.host = rest.substr(1, close - 1);
    port = rest.substr(close + 1);
  } else {
    const auto colon = rest.find(':');
    endpoint.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) port = rest.substr(colon);
  }
  if (endpoint.host.empty() || (!port.empty() && (port.front() != ':' || !is_port(port.substr(1)))))
    return wrong_url(url);
  if (!port.empty()) endpoint.port = port.substr(1);
  return endpoint;
}

}  // namespace argosy::agent
