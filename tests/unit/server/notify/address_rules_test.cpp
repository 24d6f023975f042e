#include "server/notify/address_rules.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

std::string refused(const AddressRules& rules, const char* address) {
  return rules.refusal(parse_ip_address(address).value());
}

TEST(AddressRules, ThePublicInternetMayBeReached) {
  for (const char* address :
       {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1",
        "192.167.1.1", "192.169.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1", "::ffff:1.1.1.1"})
    EXPECT_EQ(refused({}, address), "") << address;
}

TEST(AddressRules, WhatIsNotOfThePublicInternetMayNot) {
  const std::pair<const char*, const char*> special[] = {{"127.0.0.1", "loopback"},
                                                         {"127.255.1.2", "loopback"},
                                                         {"0.0.0.0", "this host"},
                                                         {"10.1.2.3", "private"},
                                                         {"172.16.0.1", "private"},
                                                         {"172.31.255.255", "private"},
                                                         {"192.168.1.1", "private"},
                                                         {"169.254.169.254", "link-local"},
                                                         {"100.64.0.1", "carrier NAT"},
                                                         {"100.127.255.255", "carrier NAT"},
                                                         {"224.0.0.1", "multicast"},
                                                         {"239.1.1.1", "multicast"},
                                                         {"255.255.255.255", "reserved"},
                                                         {"240.0.0.1", "reserved"},
                                                         {"192.0.2.1", "documentation"},
                                                         {"198.18.0.1", "benchmark"},
                                                         {"::1", "loopback"},
                                                         {"::", "this host"},
                                                         {"fe80::1", "link-local"},
                                                         {"fd00::1", "private"},
                                                         {"fc00::1", "private"},
                                                         {"fec0::1", "site-local"},
                                                         {"ff02::1", "multicast"},
                                                         {"::ffff:127.0.0.1", "loopback"},
                                                         {"::ffff:10.0.0.1", "private"},
                                                         {"64:ff9b::7f00:1", "NAT64"},
                                                         {"64:ff9b::808:808", "NAT64"},
                                                         {"2002:7f00:1::", "6to4"},
                                                         {"2001::1", "protocol"},
                                                         {"2001:db8::1", "documentation"},
                                                         {"::127.0.0.1", "reserved"},
                                                         {"4000::1", "reserved"}};
  for (const auto& [address, kind] : special) {
    EXPECT_EQ(kind_of_special(parse_ip_address(address).value()), kind) << address;
    EXPECT_NE(refused({}, address), "") << address;
  }
}

TEST(AddressRules, NamedNetworksMayBeReachedAndNoOthers) {
  const auto rules = AddressRules::parse("10.1.0.0/16, 127.0.0.1, fd00::/8,192.168.4.128/25").value();
  for (const char* address : {"10.1.255.3", "127.0.0.1", "fd12::1", "192.168.4.200", "::ffff:10.1.0.1", "1.1.1.1"})
    EXPECT_EQ(refused(rules, address), "") << address;
  for (const char* address : {"10.2.0.1", "127.0.0.2", "fc00::1", "192.168.4.1"})
    EXPECT_NE(refused(rules, address), "") << address;
}

TEST(AddressRules, ARefusalNamesTheAddressAndTheRemedy) {
  EXPECT_EQ(refused({}, "169.254.169.254"),
            "169.254.169.254 is not on the public Internet (link-local); to allow it, name its network in "
            "notify.allowed_networks");
}

TEST(AddressRules, WhatIsNoNetworkIsNotTaken) {
  for (const char* list :
       {"10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/x", "example.com", "10.0.0/8", "::/129", "10.0.0.0/"})
    EXPECT_FALSE(AddressRules::parse(list)) << list;
  EXPECT_TRUE(AddressRules::parse(" "));
}

}  // namespace
}  // namespace argosy::server
