// Whether a download may go on at another host, such as a parent cache or a CDN, and where. Pure.
#pragma once

#include <string>
#include <vector>

#include "agent/link/https_client.hpp"

namespace argosy::agent {

inline constexpr int max_redirects = 3;  // of one download

struct RedirectRules {
  std::vector<std::string> hosts;  // "cdn.example", or "*.cdn.example" for all below it; none: nowhere
  std::string ca_pem;              // believed besides the system's authorities
};

bool is_redirect(int status);  // 301, 302, 303, 307, 308

// Where the answer of `from` leads to. Errc::forbidden names what is wrong with it and the key that would allow it.
Result<net::HttpUrl> follow_redirect(const RedirectRules& rules, const net::HttpUrl& from, const HttpHead& answer);

}  // namespace argosy::agent
