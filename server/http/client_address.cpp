#include "server/http/client_address.hpp"

#include <algorithm>

namespace argosy::server {
namespace {

namespace ip = boost::asio::ip;

constexpr std::size_t max_hops = 20;

std::string_view without_blanks(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.push_back(without_blanks(text.substr(0, end)));
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

// An IPv4 address that came over an IPv6 socket is an IPv4 address.
std::optional<ip::address> parse_address(std::string_view text) {
  boost::system::error_code error;
  const ip::address address = ip::make_address(std::string(text), error);
  if (error) return std::nullopt;
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return ip::address(ip::make_address_v4(ip::v4_mapped, address.to_v6()));
  }
  return address;
}

// "192.0.2.7:4711", "[2001:db8::7]:4711", "\"[2001:db8::7]\"": the address alone.
std::string_view without_port(std::string_view node) {
  if (node.size() >= 2 && node.starts_with('"') && node.ends_with('"')) node = node.substr(1, node.size() - 2);
  if (node.starts_with('[')) return node.substr(1, std::min(node.find(']'), node.size()) - 1);
  if (std::count(node.begin(), node.end(), ':') == 1) return node.substr(0, node.find(':'));
  return node;
}

// The last `max_hops` of the list; the one next to us comes first.
std::vector<std::string> nearest_first(const std::vector<std::string_view>& parts) {
  std::vector<std::string> hops;
  for (auto part = parts.rbegin(); part != parts.rend() && hops.size() < max_hops; ++part) {
    hops.emplace_back(without_port(*part));
  }
  return hops;
}

std::string_view for_of(std::string_view element) {
  for (const std::string_view pair : split(element, ';')) {
    const bool is_for = pair.size() > 4 && std::tolower(static_cast<unsigned char>(pair[0])) == 'f' &&
                        std::tolower(static_cast<unsigned char>(pair[1])) == 'o' &&
                        std::tolower(static_cast<unsigned char>(pair[2])) == 'r' && pair[3] == '=';
    if (is_for) return pair.substr(4);
  }
  return {};
}

std::vector<std::string> hops_of_forwarded(std::string_view header) {
  std::vector<std::string_view> nodes;
  for (const std::string_view element : split(header, ',')) nodes.push_back(for_of(element));
  return nearest_first(nodes);
}

}  // namespace

Result<TrustedProxies> TrustedProxies::parse(std::string_view list) {
  TrustedProxies proxies;
  for (const std::string_view entry : split(list, ',')) {
    if (entry.empty()) continue;
    boost::system::error_code error;
    const bool has_length = entry.find('/') != std::string_view::npos;
    const bool is_v6 = entry.find(':') != std::string_view::npos;
    const std::string text = std::string(entry) + (has_length ? "" : (is_v6 ? "/128" : "/32"));
    if (is_v6) {
      proxies.v6_.push_back(ip::make_network_v6(text, error));
    } else {
      proxies.v4_.push_back(ip::make_network_v4(text, error));
    }
    if (error) {
      return make_error(Errc::invalid_argument,
                        "'" + std::string(entry.substr(0, 64)) +
                            "' is not a network: write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32");
    }
  }
  return proxies;
}

bool TrustedProxies::contains(const ip::address& address) const {
  if (address.is_v4()) {
    return std::any_of(v4_.begin(), v4_.end(), [&](const ip::network_v4& network) {
      return ip::network_v4(address.to_v4(), network.prefix_length()).canonical() == network.canonical();
    });
  }
  return std::any_of(v6_.begin(), v6_.end(), [&](const ip::network_v6& network) {
    return ip::network_v6(address.to_v6(), network.prefix_length()).canonical() == network.canonical();
  });
}

std::string TrustedProxies::walk(const std::string& peer, const std::vector<std::string>& hops) const {
  std::string nearest = peer;
  for (const std::string& hop : hops) {
    const auto from = parse_address(nearest);
    const auto next = parse_address(hop);
    if (!from || !contains(*from) || !next) break;
    nearest = next->to_string();
  }
  return nearest;
}

std::string TrustedProxies::client(const std::string& peer, std::optional<std::string_view> x_forwarded_for,
                                   std::optional<std::string_view> forwarded) const {
  if (empty() || (!x_forwarded_for && !forwarded)) return peer;
  const auto plain = x_forwarded_for ? walk(peer, nearest_first(split(*x_forwarded_for, ','))) : std::string();
  const auto standard = forwarded ? walk(peer, hops_of_forwarded(*forwarded)) : std::string();
  if (x_forwarded_for && forwarded) return plain == standard ? plain : peer;
  return x_forwarded_for ? plain : standard;
}

std::string address_group(const std::string& address) {
  const auto parsed = parse_address(std::string_view(address).substr(0, address.find('%')));
  if (!parsed) return address.substr(0, 64);
  if (parsed->is_v4()) return parsed->to_string();
  return ip::network_v6(parsed->to_v6(), 64).canonical().to_string();
}

}  // namespace argosy::server
