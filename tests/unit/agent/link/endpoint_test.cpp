#include "agent/link/endpoint.hpp"

#include <gtest/gtest.h>

namespace argosy::agent {
namespace {

TEST(Endpoint, HostAndPort) {
  const auto endpoint = parse_endpoint("https://fleet.example:8443/");
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->host, "fleet.example");
  EXPECT_EQ(endpoint->port, "8443");
  EXPECT_EQ(endpoint->authority(), "fleet.example:8443");
}

TEST(Endpoint, PortIs443WithoutOne) {
  EXPECT_EQ(parse_endpoint("https://fleet.example")->authority(), "fleet.example");
}

TEST(Endpoint, AddressOfVersion6) {
  const auto endpoint = parse_endpoint("https://[::1]:8443");
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->host, "::1");
  EXPECT_EQ(endpoint->authority(), "[::1]:8443");
}

TEST(Endpoint, WhatIsNoAddressIsRefused) {
  for (const char* text : {"", "http://x", "https://", "https://:1", "https://x:0", "https://x:65536", "https://x:1a",
                           "https://x/path", "https://a@b", "https://[::1", "https://[::1]8443", "https://x:"})
    EXPECT_FALSE(parse_endpoint(text)) << text;
}

}  // namespace
}  // namespace argosy::agent
