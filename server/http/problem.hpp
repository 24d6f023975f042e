// Problem details (RFC 9457): what a caller reads when something fails. Pure.
#pragma once

#include <string_view>

#include "common/base/error.hpp"
#include "server/http/response.hpp"

namespace argosy::server {

// Problem details (RFC 9457) of an error; the one table from Errc to status and title.
Response problem(const Error& error);
// A problem with a slug of its own, where no Errc fits: 405 method-not-allowed, 431 headers-too-large.
Response problem(int status, std::string_view slug, std::string_view title, std::string_view detail);
int http_status(Errc code);

}  // namespace argosy::server
