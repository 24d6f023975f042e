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

TEST(HttpUrl, HostPortAndTarget) {
  const auto url = parse_http_url("http://127.0.0.1:8002/metrics?all=1");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->endpoint.host, "127.0.0.1");
  EXPECT_EQ(url->endpoint.port, "8002");
  EXPECT_EQ(url->target, "/metrics?all=1");
  EXPECT_EQ(parse_http_url("http://triton")->endpoint.port, "80");
  EXPECT_EQ(parse_http_url("http://[::1]:8000")->endpoint.host, "::1");
}

TEST(HttpUrl, WhatTheAgentCannotAskIsNamed) {
  for (const char* url : {"https://x", "x:8000", "http://", "http://u@x", "http://x:0", "http://x:99999",
                          "http://x/a b", "http://x/\r\nHost: y", "http://x/#a", "unix:/run/x"}) {
    const auto parsed = parse_http_url(url);
    ASSERT_FALSE(parsed) << url;
    EXPECT_NE(parsed.error().message.find(url), std::string::npos);
  }
}

}  // namespace
}  // namespace argosy::agent
