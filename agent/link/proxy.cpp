#include "agent/link/proxy.hpp"

#include <algorithm>

#include "common/base/encoding.hpp"

namespace argosy::agent {

namespace {

constexpr std::string_view scheme = "http://";

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded += text[at];
      continue;
    }
    const auto byte = at + 2 < text.size() ? from_hex(text.substr(at + 1, 2)) : Result<Bytes>(Bytes());
    if (!byte || byte->empty()) return std::nullopt;
    decoded += static_cast<char>(byte->front());
    at += 2;
  }
  return decoded;
}

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string without_dots_before(std::string host) {
  if (host.starts_with("*.")) host.erase(0, 1);
  host.erase(0, std::min(host.find_first_not_of('.'), host.size()));
  return lower_case(std::move(host));
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  std::string item;
  for (const char c : text) {
    if (c != ',' && c != ' ') {
      item += c;
      continue;
    }
    if (!item.empty()) items.push_back(std::exchange(item, {}));
  }
  if (!item.empty()) items.push_back(std::move(item));
  return items;
}

}  // namespace

std::string Proxy::authorization() const {
  return user.empty() ? "" : "Basic " + to_base64(as_bytes(user + ":" + password));
}

std::string Proxy::with_credentials() const {
  const std::string credentials =
      user.empty() ? "" : net::percent_encode(user) + ":" + net::percent_encode(password) + "@";
  return credentials + address();
}

Result<Proxy> parse_proxy(std::string_view url) {
  const auto wrong = [] {
    return make_error(
        Errc::invalid_argument,
        "is not a proxy that the agent can use: it must look like \"http://[USER:PASSWORD@]HOST[:PORT]\", "
        "with plain HTTP to the proxy, and what is special in user or password percent-encoded");
  };
  std::string_view rest = url;
  if (rest.starts_with(scheme)) rest.remove_prefix(scheme.size());
  if (rest.find("://") != std::string_view::npos) return wrong();
  Proxy proxy;
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view credentials = rest.substr(0, at);
    const auto colon = credentials.find(':');
    const auto user = percent_decoded(credentials.substr(0, colon));
    const auto password =
        percent_decoded(colon == std::string_view::npos ? std::string_view() : credentials.substr(colon + 1));
    if (!user || !password || user->empty() || user->find(':') != std::string::npos) return wrong();
    proxy.user = *user;
    proxy.password = *password;
    rest.remove_prefix(at + 1);
  }
  auto parsed = net::parse_http_url(std::string(scheme) + std::string(rest));
  if (!parsed || (!parsed->target.empty() && parsed->target != "/")) return wrong();
  proxy.endpoint = std::move(parsed->endpoint);
  return proxy;
}

ProxyRules::ProxyRules(std::optional<Proxy> proxy, std::vector<std::string> exceptions)
    : proxy_(std::move(proxy)), exceptions_(std::move(exceptions)) {
  for (std::string& host : exceptions_)
    if (host != "*") host = without_dots_before(std::move(host));
}

std::optional<Proxy> ProxyRules::for_host(const std::string& host) const {
  const std::string wanted = lower_case(host);
  const bool is_excepted = std::any_of(exceptions_.begin(), exceptions_.end(), [&](const std::string& exception) {
    return exception == "*" || wanted == exception || (!exception.empty() && wanted.ends_with("." + exception));
  });
  return is_excepted ? std::nullopt : proxy_;
}

Result<ProxyRules> make_proxy_rules(const ProxySettings& settings,
                                    const std::function<const char*(const char*)>& environment) {
  const auto first_of = [&](std::initializer_list<const char*> names) {
    for (const char* name : names)
      if (const char* value = environment(name); value != nullptr && *value != '\0')
        return std::pair(std::string(name), std::string(value));
    return std::pair(std::string(), std::string());
  };
  auto [source, url] = first_of({"https_proxy", "HTTPS_PROXY"});
  if (settings.proxy) std::tie(source, url) = std::pair(std::string("network.proxy"), *settings.proxy);
  if (url.empty()) return ProxyRules();
  auto proxy = parse_proxy(url);
  if (!proxy) return make_error(Errc::invalid_argument, source + " " + proxy.error().message);
  auto exceptions = settings.exceptions.value_or(split_list(first_of({"no_proxy", "NO_PROXY"}).second));
  return ProxyRules(std::move(*proxy), std::move(exceptions));
}

}  // namespace argosy::agent
