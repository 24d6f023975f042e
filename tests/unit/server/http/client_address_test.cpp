#include "server/http/client_address.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

std::string client(const std::string& proxies, const std::string& peer, std::optional<std::string_view> plain,
                   std::optional<std::string_view> standard = std::nullopt) {
  return TrustedProxies::parse(proxies).value().client(peer, plain, standard);
}

TEST(ClientAddress, IsThePeersWhenNoProxyIsNamed) {
  EXPECT_EQ(client("", "198.51.100.1", "192.0.2.7"), "198.51.100.1");
  EXPECT_EQ(client("10.0.0.0/8", "198.51.100.1", "192.0.2.7"), "198.51.100.1") << "the peer is not that proxy";
  EXPECT_EQ(client("10.0.0.0/8", "10.1.2.3", std::nullopt), "10.1.2.3");
}

TEST(ClientAddress, IsReadFromTheRightThroughNamedProxiesAlone) {
  EXPECT_EQ(client("10.0.0.0/8", "10.1.2.3", "192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(client("10.0.0.0/8", "10.1.2.3", "203.0.113.9, 192.0.2.7"), "192.0.2.7") << "what the client wrote itself";
  EXPECT_EQ(client("10.0.0.0/8", "10.1.2.3", "192.0.2.7, 10.9.9.9"), "192.0.2.7") << "two proxies";
  EXPECT_EQ(client("10.0.0.0/8", "10.1.2.3", "192.0.2.7, nonsense"), "10.1.2.3");
  EXPECT_EQ(client("10.0.0.0/8", "10.1.2.3", ""), "10.1.2.3");
  EXPECT_EQ(client("127.0.0.1", "127.0.0.1", "192.0.2.7:4711"), "192.0.2.7");
  EXPECT_EQ(client("127.0.0.1", "::ffff:127.0.0.1", "192.0.2.7"), "192.0.2.7");
}

TEST(ClientAddress, ForwardedCountsAsWell) {
  EXPECT_EQ(client("::1/128", "::1", std::nullopt, "for=192.0.2.43, For=\"[2001:db8:cafe::17]:4711\";proto=https"),
            "2001:db8:cafe::17");
  EXPECT_EQ(client("::1", "::1", std::nullopt, "for=unknown"), "::1");
  EXPECT_EQ(client("::1", "::1", std::nullopt, "by=192.0.2.1"), "::1");
}

TEST(ClientAddress, TwoHeadersThatDisagreeAreNotBelieved) {
  EXPECT_EQ(client("::1", "::1", "192.0.2.7", "for=192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(client("::1", "::1", "192.0.2.7", "for=192.0.2.8"), "::1");
}

TEST(ClientAddress, ALongListEnds) {
  std::string hops = "192.0.2.7";
  for (int i = 0; i < 1000; ++i) hops += ", 10.0.0.1";
  EXPECT_EQ(client("10.0.0.0/8", "10.0.0.1", hops), "10.0.0.1");
}

TEST(TrustedProxies, SaysWhatIsNoNetwork) {
  for (const char* wrong : {"300.0.0.1", "10.0.0.0/33", "proxy.example", "::1/129", "10.0.0.0/x"}) {
    EXPECT_EQ(TrustedProxies::parse(wrong).error().code, Errc::invalid_argument) << wrong;
  }
}

TEST(AddressGroup, OfIPv6IsTheHostsWholeNetwork) {
  EXPECT_EQ(address_group("2001:db8:1:2:3:4:5:6"), address_group("2001:db8:1:2::1"));
  EXPECT_NE(address_group("2001:db8:1:2::1"), address_group("2001:db8:1:3::1"));
  EXPECT_EQ(address_group("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(address_group(std::string(1000, 'x')).size(), 64U);
}

}  // namespace
}  // namespace argosy::server
