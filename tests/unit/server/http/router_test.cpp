#include "server/http/router.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "server/access/permission.hpp"

namespace argosy::server {
namespace {

Router router_of(const std::vector<std::pair<Method, std::string>>& routes) {
  Router router;
  for (const auto& [method, path] : routes)
    router.add({.method = method, .path = path, .permission = Permission::read_fleet, .handler = {}});
  return router;
}

const Router router = router_of({{Method::get, "/api/v1/devices"},
                                 {Method::get, "/api/v1/devices/{id}"},
                                 {Method::del, "/api/v1/devices/{id}"},
                                 {Method::get, "/api/v1/models/{model}/releases/{version}"},
                                 {Method::post, "/api/v1/rollouts/{id}/start"},
                                 {Method::post, "/api/v1/rollouts/{id}/{verb}"}});

std::string matched(Method method, std::string_view path) {
  const auto match = router.match(method, path);
  return match.route == nullptr ? "" : match.route->path;
}

TEST(Router, FindsTheRouteAndItsPlaceholders) {
  const auto match = router.match(Method::get, "/api/v1/models/digits/releases/1.0");
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.params.at("model"), "digits");
  EXPECT_EQ(match.params.at("version"), "1.0");
}

TEST(Router, APlaceholderIsOneSegmentThatIsNotEmpty) {
  EXPECT_EQ(matched(Method::get, "/api/v1/devices/cam-7"), "/api/v1/devices/{id}");
  for (const char* path : {"/api/v1/devices/", "/api/v1/devices/a/b", "/api/v1", "/", "", "api/v1/devices", "//"}) {
    EXPECT_EQ(matched(Method::get, path), "") << path;
  }
}

TEST(Router, LiteralsWinOverPlaceholders) {
  EXPECT_EQ(matched(Method::post, "/api/v1/rollouts/3/start"), "/api/v1/rollouts/{id}/start");
  EXPECT_EQ(matched(Method::post, "/api/v1/rollouts/3/halt"), "/api/v1/rollouts/{id}/{verb}");
}

TEST(Router, HeadIsAnsweredByGet) {
  EXPECT_EQ(matched(Method::head, "/api/v1/devices"), "/api/v1/devices");
}

TEST(Router, TellsTheAllowedMethods) {
  const auto match = router.match(Method::post, "/api/v1/devices/cam-7");
  EXPECT_EQ(match.route, nullptr);
  EXPECT_EQ(match.allowed, (std::vector<Method>{Method::get, Method::del}));
  EXPECT_TRUE(router.match(Method::get, "/nothing").allowed.empty());
}

TEST(Router, RefusesTheSameRouteTwice) {
  Router twice = router;
  EXPECT_THROW(
      twice.add(
          {.method = Method::get, .path = "/api/v1/devices", .permission = Permission::read_fleet, .handler = {}}),
      std::logic_error);
}

TEST(Router, RefusesARouteThatNamesNoPermission) {
  Router unguarded;
  EXPECT_THROW(unguarded.add({.method = Method::get, .path = "/x", .handler = {}}), std::logic_error);
}

TEST(Router, TakesLittleFromThoseWhoNeedNotSign) {
  Router two;
  two.add({.method = Method::post, .path = "/open", .permission = open_to_everybody, .handler = {}});
  two.add({.method = Method::post, .path = "/signed", .permission = Permission::read_fleet, .handler = {}});
  EXPECT_EQ(two.match(Method::post, "/open").route->body_limit, open_body_limit);
  EXPECT_EQ(two.match(Method::post, "/signed").route->body_limit, usual_body_limit);
}

}  // namespace
}  // namespace argosy::server
