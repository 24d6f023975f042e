// A server's address as a person types it: http://host:port or https://host:port.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace argosy::cli {

struct Url {
  bool tls = false;
  std::string host;
  std::uint16_t port = 0;
  std::string to_string() const;
};

Result<Url> parse_url(std::string_view text);
// Percent-encodes everything but unreserved characters (RFC 3986).
std::string percent_encode(std::string_view text);

}  // namespace argosy::cli
