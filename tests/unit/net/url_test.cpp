#include "net/url.hpp"

#include <gtest/gtest.h>

namespace argosy::net {
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

TEST(HttpUrl, WhatCannotBeAskedIsNamed) {
  for (const char* url : {"https://x", "x:8000", "http://", "http://u@x", "http://x:0", "http://x:99999",
                          "http://x/a b", "http://x/\r\nHost: y", "http://x/#a", "unix:/run/x"}) {
    const auto parsed = parse_http_url(url);
    ASSERT_FALSE(parsed) << url;
    EXPECT_NE(parsed.error().message.find(url), std::string::npos);
  }
}

TEST(HttpUrl, OverTlsHasAPathAndNoPassword) {
  const auto url = parse_https_url("https://cdn.example/blobs/1?key=2#part");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->endpoint.authority(), "cdn.example");
  EXPECT_EQ(url->target, "/blobs/1?key=2");
  EXPECT_EQ(parse_https_url("https://cdn.example")->target, "/");
  for (const char* wrong : {"http://cdn.example/", "https://user:secret@cdn.example/", "https://cdn.example/a b"})
    EXPECT_FALSE(parse_https_url(wrong)) << wrong;
}

TEST(ServerUrl, HasTheUsualPortWithoutOne) {
  EXPECT_EQ(parse_server_url("http://fleet.example")->to_string(), "http://fleet.example:80");
  EXPECT_EQ(parse_server_url("https://fleet.example/")->to_string(), "https://fleet.example:443");
  EXPECT_TRUE(parse_server_url("https://fleet.example")->tls);
  EXPECT_FALSE(parse_server_url("http://fleet.example:8080")->tls);
}

TEST(ServerUrl, ComesBackAsItIsWritten) {
  for (const char* text : {"http://127.0.0.1:8080", "https://fleet.example:8443", "https://[::1]:8443"})
    EXPECT_EQ(parse_server_url(parse_server_url(text)->to_string())->to_string(), text);
}

TEST(ServerUrl, WhatIsNoneIsShown) {
  for (const char* text : {"", "fleet.example", "ftp://x", "http://", "http://x:0", "http://x:65536", "http://x:1a",
                           "https://x/path", "https://[::1"}) {
    const auto parsed = parse_server_url(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().message.find("\"" + std::string(text) + "\""), std::string::npos);
  }
}

TEST(PercentEncode, LeavesWhatIsUnreserved) {
  EXPECT_EQ(percent_encode("az-AZ_09.~"), "az-AZ_09.~");
  EXPECT_EQ(percent_encode("a b/\xc3\xa9:%"), "a%20b%2F%C3%A9%3A%25");
}

}  // namespace
}  // namespace argosy::net
