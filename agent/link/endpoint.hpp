// A server's address, from a URL such as "https://fleet.example:8443". Pure.
#pragma once

#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace argosy::agent {

struct Endpoint {
  std::string host;  // an IPv6 address without its brackets
  std::string port = "443";
  std::string authority() const;  // for the Host header
};

// https only, without a path.
Result<Endpoint> parse_endpoint(std::string_view url);

}  // namespace argosy::agent
