// From which address a request comes, also behind proxies: what they add is believed only from those that the
// configuration names, and read from the right, as each proxy appends. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

#include "common/base/error.hpp"

namespace argosy::server {

class TrustedProxies {
 public:
  // "127.0.0.1/32, 2001:db8::/32, 192.0.2.7": networks or addresses; empty: none.
  static Result<TrustedProxies> parse(std::string_view list);
  bool empty() const { return v4_.empty() && v6_.empty(); }

  // The client's address: the peer itself unless it is a named proxy; then the first address from the right that is
  // none. What is no address ends the search, and so do X-Forwarded-For and Forwarded when they disagree.
  std::string client(const std::string& peer, std::optional<std::string_view> x_forwarded_for,
                     std::optional<std::string_view> forwarded) const;

 private:
  bool contains(const boost::asio::ip::address& address) const;
  std::string walk(const std::string& peer, const std::vector<std::string>& hops) const;
  std::vector<boost::asio::ip::network_v4> v4_;
  std::vector<boost::asio::ip::network_v6> v6_;
};

// What counts as one place: an IPv4 address, or the /64 of an IPv6 address, of which one host has them all.
std::string address_group(const std::string& address);

}  // namespace argosy::server
