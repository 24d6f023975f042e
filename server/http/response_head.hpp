// The first lines of a response as text. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/response.hpp"

namespace argosy::server {

struct Head {
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;
  bool over_tls = false;
  std::string request_id;
};

// Status line and headers with the blank line; adds the security headers and drops any header that holds a line break.
std::string format_head(const Response& response, const Head& head);

// The value of one of the response's own headers.
std::optional<std::string_view> response_header(const Response& response, std::string_view name);

}  // namespace argosy::server
