// Which secrets a request carries, and who makes what it asks for. Pure; on the I/O thread.
#pragma once

#include <optional>
#include <string_view>

#include "server/access/account.hpp"

namespace argosy::server {

struct Principal;
struct Request;

Maker maker_of(const Principal& principal);
// Of both, the bearer token counts.
std::optional<std::string_view> bearer_token(const Request& request);
std::optional<std::string_view> session_token(const Request& request);

}  // namespace argosy::server
