#include "agent/link/redirect.hpp"

#include <gtest/gtest.h>

namespace argosy::agent {
namespace {

const net::HttpUrl ours{{"fleet.example", "8443"}, "/device/v1/blobs/abc"};

std::string target(const std::vector<std::string>& hosts, const std::string& location,
                   const net::HttpUrl& from = ours) {
  const auto to = follow_redirect({hosts, ""}, from, HttpHead{302, {{"location", location}}});
  return to ? to->endpoint.authority() + to->target : "refused";
}

TEST(Redirect, LeadsToHostsThatAreListed) {
  EXPECT_EQ(target({"cdn.example"}, "https://cdn.example/b?sig=1#x"), "cdn.example/b?sig=1");
  EXPECT_EQ(target({"cdn.example"}, "https://CDN.example:444"), "CDN.example:444/");
  EXPECT_EQ(target({"cdn.example"}, "https://cdn.example?x"), "cdn.example/?x");
  EXPECT_EQ(target({"cdn.example"}, "https://a.cdn.example/"), "refused");
  EXPECT_EQ(target({}, "https://cdn.example/"), "refused");
}

TEST(Redirect, StarStandsForWhatIsBelow) {
  EXPECT_EQ(target({"*.cdn.example"}, "https://a.b.cdn.example/"), "a.b.cdn.example/");
  EXPECT_EQ(target({"*.cdn.example"}, "https://cdn.example/"), "refused");
  EXPECT_EQ(target({"*.cdn.example"}, "https://.cdn.example/"), "refused");
  EXPECT_EQ(target({"*.cdn.example"}, "https://evilcdn.example/"), "refused");
  EXPECT_EQ(target({"*.cdn.example"}, "https://a.cdn.example.evil/"), "refused");
}

TEST(Redirect, TricksAreRefused) {
  for (const std::string location :
       {"https://cdn.example@evil/", "https://cdn.example\\@evil/", "https:/cdn.example/", "https://cdn.example:0/",
        "https://cdn.example/a b", "HTTPS://cdn.example/", "", "http://cdn.example/", "//cdn.example/", "javascript:x"})
    EXPECT_EQ(target({"cdn.example"}, location), "refused") << location;
}

TEST(Redirect, PathStaysAtItsHostWhichMustBeListedToo) {
  EXPECT_EQ(target({"cdn.example"}, "/elsewhere"), "refused");
  EXPECT_EQ(target({"fleet.example"}, "/elsewhere"), "fleet.example:8443/elsewhere");
}

}  // namespace
}  // namespace argosy::agent
