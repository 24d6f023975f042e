// Which addresses a target may have, so that nobody makes this server talk to what only it can reach: itself, its
// neighbours, its cloud's metadata. Asked of the address that is connected to, never of a name, which may mean another
// address a moment later. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace argosy::server {

// 16 bytes in the order of the network; IPv4 as ::ffff:a.b.c.d.
using IpAddress = std::array<std::uint8_t, 16>;
Result<IpAddress> parse_ip_address(const std::string& text);
IpAddress ip_v4(const std::uint8_t (&bytes)[4]);
std::string to_text(const IpAddress& address);

// What is no address of the public Internet (the registries of RFC 6890, and what carries an IPv4 address inside):
// "loopback", "private", ...; empty for one that is.
std::string_view kind_of_special(const IpAddress& address);

class AddressRules {
 public:
  AddressRules() = default;
  // "10.1.0.0/16, 192.0.2.7, fd00::/8": the networks that may be reached beside the public Internet. Empty: none.
  static Result<AddressRules> parse(std::string_view list);

  // Empty when it may be connected to; else why not, as a sentence with the remedy.
  std::string refusal(const IpAddress& address) const;

 private:
  struct Network {
    IpAddress first{};
    int bits = 128;
  };
  static Result<Network> parse_network(std::string_view text);
  std::vector<Network> allowed_;
};

}  // namespace argosy::server
