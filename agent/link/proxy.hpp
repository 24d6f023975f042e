// The HTTP proxy through which other hosts are reached, and those that are reached without it. Pure. Credentials show
// up in no message.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "net/url.hpp"

namespace argosy::agent {

struct Proxy {
  net::Endpoint endpoint;
  std::string user;
  std::string password;

  std::string address() const { return endpoint.host_and_port(); }
  std::string authorization() const;     // for Proxy-Authorization; empty without a user
  std::string with_credentials() const;  // "USER:PASSWORD@HOST:PORT", percent-encoded
};

// "http://[USER[:PASSWORD]@]HOST[:PORT]", also without the scheme; credentials percent-encoded.
Result<Proxy> parse_proxy(std::string_view url);

class ProxyRules {
 public:
  ProxyRules() = default;
  // No proxy at all for those in `exceptions`: a host, which stands for its subdomains too, or "*".
  ProxyRules(std::optional<Proxy> proxy, std::vector<std::string> exceptions);

  std::optional<Proxy> for_host(const std::string& host) const;

 private:
  std::optional<Proxy> proxy_;
  std::vector<std::string> exceptions_;
};

struct ProxySettings {               // as somebody wrote them; what is absent is taken from the environment
  std::optional<std::string> proxy;  // empty: none
  std::optional<std::vector<std::string>> exceptions;
};

// `environment` answers for https_proxy, HTTPS_PROXY, no_proxy and NO_PROXY; null when there is no such variable.
Result<ProxyRules> make_proxy_rules(const ProxySettings& settings,
                                    const std::function<const char*(const char*)>& environment);

}  // namespace argosy::agent
