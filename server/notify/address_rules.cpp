#include "server/notify/address_rules.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

#include "common/base/text.hpp"

namespace argosy::server {
namespace {

constexpr std::size_t most_networks = 64;
constexpr int v4_prefix_bits = 96;

struct Special {
  const char* network;
  int bits;
  std::string_view kind;
};
constexpr Special special_v4[] = {
    {"0.0.0.0", 8, "this host"},          {"10.0.0.0", 8, "private"},         {"100.64.0.0", 10, "carrier NAT"},
    {"127.0.0.0", 8, "loopback"},         {"169.254.0.0", 16, "link-local"},  {"172.16.0.0", 12, "private"},
    {"192.0.0.0", 24, "protocol"},        {"192.0.2.0", 24, "documentation"}, {"192.88.99.0", 24, "6to4 relay"},
    {"192.168.0.0", 16, "private"},       {"198.18.0.0", 15, "benchmark"},    {"198.51.100.0", 24, "documentation"},
    {"203.0.113.0", 24, "documentation"}, {"224.0.0.0", 4, "multicast"},      {"240.0.0.0", 4, "reserved"},
};
// Of IPv6 only 2000::/3 is given out; these are those in it that are special all the same.
constexpr Special special_v6[] = {
    {"2001::", 23, "protocol"},
    {"2001:db8::", 32, "documentation"},
    {"2002::", 16, "6to4"},
    {"3fff::", 20, "documentation"},
};
constexpr Special outside_v6[] = {
    {"::", 128, "this host"},     {"::1", 128, "loopback"},     {"64:ff9b::", 96, "NAT64"}, {"fc00::", 7, "private"},
    {"fe80::", 10, "link-local"}, {"fec0::", 10, "site-local"}, {"ff00::", 8, "multicast"},
};

bool begins_with(const IpAddress& address, const IpAddress& network, int bits) {
  const auto whole = static_cast<std::size_t>(bits / 8);
  if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole), network.begin())) return false;
  const int rest = bits % 8;
  return rest == 0 || ((address[whole] ^ network[whole]) >> (8 - rest)) == 0;
}

bool is_v4(const IpAddress& address) {
  constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::memcmp(address.data(), mapped, sizeof mapped) == 0;
}

template <std::size_t size>
std::string_view kind_among(const Special (&table)[size], const IpAddress& address, int prefix) {
  for (const Special& special : table) {
    const auto network = parse_ip_address(special.network);
    if (network && begins_with(address, *network, prefix + special.bits)) return special.kind;
  }
  return {};
}

std::string_view trimmed_network(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

IpAddress ip_v4(const std::uint8_t (&bytes)[4]) {
  IpAddress address{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  std::copy(std::begin(bytes), std::end(bytes), address.begin() + 12);
  return address;
}

Result<IpAddress> parse_ip_address(const std::string& text) {
  std::uint8_t v4[4];
  if (::inet_pton(AF_INET, text.c_str(), v4) == 1) return ip_v4(v4);
  IpAddress address{};
  if (::inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return address;
  return make_error(Errc::invalid_argument, "'" + shortened(text) + "' is no IP address");
}

std::string to_text(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN] = "";
  const bool v4 = is_v4(address);
  ::inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address.data() + 12 : address.data(), text, sizeof text);
  return text;
}

std::string_view kind_of_special(const IpAddress& address) {
  if (is_v4(address)) return kind_among(special_v4, address, v4_prefix_bits);
  if ((address[0] & 0xe0) == 0x20) return kind_among(special_v6, address, 0);
  const std::string_view kind = kind_among(outside_v6, address, 0);
  return kind.empty() ? "reserved" : kind;
}

Result<AddressRules::Network> AddressRules::parse_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  Network network;
  ARGOSY_TRY(network.first, parse_ip_address(address));
  const int most = is_v4(network.first) && address.find(':') == std::string::npos ? 32 : 128;
  int bits = most;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (failure != std::errc{} || end != digits.data() + digits.size() || bits < 0 || bits > most)
      return make_error(Errc::invalid_argument, "'" + shortened(text) + "' is no network: write it like 10.1.0.0/16");
  }
  network.bits = 128 - most + bits;
  return network;
}

Result<AddressRules> AddressRules::parse(std::string_view list) {
  AddressRules rules;
  while (!trimmed_network(list).empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    ARGOSY_TRY(const Network network, parse_network(trimmed_network(list.substr(0, end))));
    if (rules.allowed_.size() == most_networks)
      return make_error(Errc::invalid_argument, "more than " + std::to_string(most_networks) + " networks");
    rules.allowed_.push_back(network);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return rules;
}

std::string AddressRules::refusal(const IpAddress& address) const {
  const std::string_view kind = kind_of_special(address);
  if (kind.empty()) return {};
  for (const Network& network : allowed_)
    if (begins_with(address, network.first, network.bits)) return {};
  return to_text(address) + " is not on the public Internet (" + std::string(kind) +
         "); to allow it, name its network in notify.allowed_networks";
}

}  // namespace argosy::server
