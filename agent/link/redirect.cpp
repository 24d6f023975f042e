#include "agent/link/redirect.hpp"

#include <algorithm>

namespace argosy::agent {

namespace {

std::string in_lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool is_allowed(const RedirectRules& rules, const std::string& host) {
  const std::string wanted = in_lower_case(host);
  return std::any_of(rules.hosts.begin(), rules.hosts.end(), [&](const std::string& rule) {
    const std::string allowed = in_lower_case(rule);
    return allowed.starts_with("*.") ? wanted.size() > allowed.size() - 1 && wanted.ends_with(allowed.substr(1))
                                     : wanted == allowed;
  });
}

Error refusal(std::string message) {
  return make_error(Errc::forbidden, std::move(message));
}

}  // namespace

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Result<net::HttpUrl> follow_redirect(const RedirectRules& rules, const net::HttpUrl& from, const HttpHead& answer) {
  const std::string said = "'" + from.endpoint.host + "' answered " + std::to_string(answer.status);
  const auto location = answer.header("location");
  if (!location) return refusal(said + " without saying where to go");
  net::HttpUrl to{from.endpoint, *location};
  const bool is_path = location->starts_with('/') && !location->starts_with("//");
  if (!is_path) {
    auto parsed = net::parse_https_url(*location);
    if (!parsed) return refusal(said + " and leads to no https address: downloads go nowhere else");
    to = std::move(*parsed);
  }
  if (is_allowed(rules, to.endpoint.host)) return to;
  return refusal(said + " and leads to '" + to.endpoint.host +
                 "', which is not in downloads.redirect_hosts: add it there if blobs may come from it");
}

}  // namespace argosy::agent
