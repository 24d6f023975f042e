#include "agent/link/proxy.hpp"

#include <map>

#include <gtest/gtest.h>

namespace argosy::agent {
namespace {

using Environment = std::map<std::string, std::string>;

Result<ProxyRules> rules(const ProxySettings& settings, const Environment& environment = {}) {
  return make_proxy_rules(settings, [&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

std::string way_to(const std::string& host, const ProxyRules& rules) {
  const auto proxy = rules.for_host(host);
  return proxy ? proxy->address() : "direct";
}

TEST(Proxy, AddressAndCredentials) {
  const Proxy proxy = parse_proxy("http://cam%40site:p%3Ass%25@proxy.example:3128/").value();
  EXPECT_EQ(proxy.address(), "proxy.example:3128");
  EXPECT_EQ(proxy.user, "cam@site");
  EXPECT_EQ(proxy.password, "p:ss%");
  EXPECT_EQ(proxy.authorization(), "Basic Y2FtQHNpdGU6cDpzcyU=");
  EXPECT_EQ(proxy.with_credentials(), "cam%40site:p%3Ass%25@proxy.example:3128");
  const Proxy plain = parse_proxy("[::1]:8080").value();
  EXPECT_EQ(plain.address(), "[::1]:8080");
  EXPECT_EQ(plain.authorization(), "");
  EXPECT_EQ(plain.with_credentials(), "[::1]:8080");
  EXPECT_EQ(parse_proxy("http://proxy").value().address(), "proxy:80");
  EXPECT_EQ(parse_proxy("http://user@proxy").value().password, "");
}

TEST(Proxy, WhatIsWrongIsNotShown) {
  for (const std::string url : {"https://user:secret@proxy", "socks5://user:secret@proxy", "http://user:secret@proxy:0",
                                "http://user:sec%zzret@proxy", "http://:secret@proxy", "http://user:secret@proxy/path",
                                "http://user:secret@", ""}) {
    const auto parsed = parse_proxy(url);
    ASSERT_FALSE(parsed) << url;
    EXPECT_EQ(parsed.error().message.find("secret"), std::string::npos);
    EXPECT_NE(parsed.error().message.find("http://[USER:PASSWORD@]HOST[:PORT]"), std::string::npos);
  }
}

TEST(Proxy, ExceptionsStandForTheirSubdomains) {
  const ProxyRules some(parse_proxy("proxy:3128").value(),
                        {"fleet.example", ".inner.example", "*.Wild.example", "10.0.0.1"});
  for (const std::string host : {"fleet.example", "FLEET.example", "a.fleet.example", "inner.example",
                                 "b.inner.example", "c.wild.example", "10.0.0.1"})
    EXPECT_EQ(way_to(host, some), "direct") << host;
  for (const std::string host : {"otherfleet.example", "example", "10.0.0.11", ""})
    EXPECT_EQ(way_to(host, some), "proxy:3128") << host;
  EXPECT_EQ(way_to("anything", ProxyRules(parse_proxy("proxy").value(), {"*"})), "direct");
}

TEST(Proxy, ConfigurationGoesBeforeEnvironment) {
  EXPECT_EQ(way_to("a", *rules({})), "direct");
  const Environment both = {
      {"HTTPS_PROXY", "http://upper:1"}, {"https_proxy", "http://lower:2"}, {"no_proxy", "b, c,d"}};
  EXPECT_EQ(way_to("a", *rules({}, both)), "lower:2");
  EXPECT_EQ(way_to("a", *rules({}, {{"HTTPS_PROXY", "http://upper:1"}, {"https_proxy", ""}})), "upper:1");
  for (const std::string host : {"b", "c", "d", "x.d"}) EXPECT_EQ(way_to(host, *rules({}, both)), "direct");
  EXPECT_EQ(way_to("a", *rules({"http://mine:3", {}}, both)), "mine:3");
  EXPECT_EQ(way_to("b", *rules({"http://mine:3", {}}, both)), "direct");
  EXPECT_EQ(way_to("b", *rules({"http://mine:3", std::vector<std::string>{"a"}}, both)), "mine:3");
  EXPECT_EQ(way_to("a", *rules({"", {}}, both)), "direct");  // none, whatever the environment says
}

TEST(Proxy, ErrorNamesWhereItStands) {
  EXPECT_TRUE(rules({"ftp://x", {}}).error().message.starts_with("network.proxy is not a proxy"));
  EXPECT_TRUE(rules({}, {{"https_proxy", "ftp://x"}}).error().message.starts_with("https_proxy is not a proxy"));
}

}  // namespace
}  // namespace argosy::agent
