// Addresses from URLs: a server's as a person types it, those that a server leads to, and those of programs on this
// device. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace argosy::net {

struct Endpoint {
  std::string host;  // an IPv6 address without its brackets
  std::string port = "443";
  std::string authority() const;  // for the Host header of HTTPS: without the usual port
  std::string host_and_port() const;
};

// HOST[:PORT] or [IPv6][:PORT]; the port stays empty when there is none. Nothing when it is neither.
std::optional<Endpoint> parse_authority(std::string_view text);

// https only, without a path: "https://fleet.example:8443".
Result<Endpoint> parse_endpoint(std::string_view url);

struct ServerUrl {
  bool tls = false;
  Endpoint endpoint;
  std::string to_string() const;
};

// http or https, without a path.
Result<ServerUrl> parse_server_url(std::string_view text);

struct HttpUrl {
  Endpoint endpoint;
  std::string target;  // path and query; empty when there is none
};

// https only, with a path; what follows a '#' is left out. Names and passwords are refused.
Result<HttpUrl> parse_https_url(std::string_view url);

// http only: what runs on this device, or beside it in a network that can be trusted.
Result<HttpUrl> parse_http_url(std::string_view url);

// Percent-encodes everything but unreserved characters (RFC 3986).
std::string percent_encode(std::string_view text);

}  // namespace argosy::net
