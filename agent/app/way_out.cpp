#include "agent/app/way_out.hpp"

#include <cstdlib>

#include "common/base/file.hpp"

namespace argosy::agent {

namespace {

constexpr std::uint64_t largest_ca_file = 4 << 20;

}  // namespace

Result<WayOut> find_way_out(const Config& config) {
  WayOut way;
  ARGOSY_TRY(way.proxies, make_proxy_rules(config.network, [](const char* name) { return std::getenv(name); }));
  way.redirects.hosts = config.downloads.redirect_hosts;
  if (!config.downloads.redirect_ca_file) return way;
  auto text = read_file(*config.downloads.redirect_ca_file, largest_ca_file);
  if (!text) return std::move(text).error().within("downloads.redirect_ca_file");
  Trust trust;
  trust.ca_pem = *text;
  if (const auto usable = make_tls_context(trust); !usable)
    return make_error(Errc::invalid_argument, "downloads.redirect_ca_file: " + usable.error().message);
  way.redirects.ca_pem = std::move(*text);
  return way;
}

}  // namespace argosy::agent
