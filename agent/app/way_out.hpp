// How this device reaches others: the proxy, from the configuration or the environment, and where downloads may be led.
// Blocking, at start.
#pragma once

#include "agent/app/config.hpp"
#include "agent/link/redirect.hpp"

namespace argosy::agent {

struct WayOut {
  ProxyRules proxies;
  RedirectRules redirects;
};

// Errors name the key or the variable, and no credentials.
Result<WayOut> find_way_out(const Config& config);

}  // namespace argosy::agent
