// Addresses from URLs: the server's, such as "https://fleet.example:8443", and those of programs on this device, such
// as "http://127.0.0.1:8002/metrics". Pure.
#pragma once

#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace argosy::agent {

struct Endpoint {
  std::string host;  // an IPv6 address without its brackets
  std::string port = "443";
  std::string authority() const;  // for the Host header
  std::string host_and_port() const;
};

// https only, without a path.
Result<Endpoint> parse_endpoint(std::string_view url);

struct HttpUrl {
  Endpoint endpoint;
  std::string target;  // path and query; empty when there is none
};

// https only, with a path; what follows a '#' is left out. Names and passwords are refused.
Result<HttpUrl> parse_https_url(std::string_view url);

// http only: what runs on this device, or beside it in a network that can be trusted.
Result<HttpUrl> parse_http_url(std::string_view url);

}  // namespace argosy::agent
