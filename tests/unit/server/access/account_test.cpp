#include "server/access/account.hpp"

#include <gtest/gtest.h>

#include "server/access/access_api.hpp"
#include "server/http/request.hpp"

namespace argosy::server {
namespace {

TEST(Account, Names) {
  for (const char* good : {"ada", "ada.l@example.com", "ci_2-x"}) EXPECT_TRUE(check_account_name(good)) << good;
  for (const std::string& bad :
       {std::string(""), std::string("a b"), std::string("ä"), std::string(65, 'a'), std::string("a\0b", 3)}) {
    EXPECT_FALSE(check_account_name(bad)) << bad;
  }
}

TEST(Account, Passwords) {
  EXPECT_TRUE(check_new_password("ten bytes!"));
  EXPECT_FALSE(check_new_password("nine byte"));
  EXPECT_FALSE(check_new_password(std::string(1025, 'x')));
}

TEST(Account, FindsItsCookieAmongOthers) {
  EXPECT_EQ(find_cookie("a=1; argosy_session=token; b=2", "argosy_session"), "token");
  EXPECT_EQ(find_cookie("argosy_session=", "argosy_session"), "");
  EXPECT_EQ(find_cookie("xargosy_session=1; argosy_sessions=2", "argosy_session"), std::nullopt);
  EXPECT_EQ(find_cookie("", "argosy_session"), std::nullopt);
}

TEST(Account, ReadsTheBearerToken) {
  Request request;
  EXPECT_EQ(bearer_token(request), std::nullopt);
  request.headers["authorization"] = "Bearer argosy_abc";
  EXPECT_EQ(bearer_token(request), "argosy_abc");
  request.headers["authorization"] = "Basic argosy_abc";
  EXPECT_EQ(bearer_token(request), std::nullopt);
  request.headers["authorization"] = "Bearer " + std::string(600, 'x');
  EXPECT_EQ(bearer_token(request), std::nullopt);
}

TEST(Account, ALinksTokenNeverReachesAServerLog) {
  EXPECT_EQ(login_link("https://argosy.example", "t0k"), "https://argosy.example/login#token=t0k");
}

TEST(Capped, NobodyGivesMoreThanTheyHave) {
  for (const Role role : {Role::viewer, Role::publisher, Role::operator_, Role::admin}) {
    EXPECT_EQ(capped(role, Role::admin), role);
    EXPECT_EQ(capped(Role::admin, role), role);
    EXPECT_EQ(capped(role, role), role);
    EXPECT_EQ(capped(role, Role::viewer), Role::viewer);
    EXPECT_EQ(capped(Role::viewer, role), Role::viewer);
  }
  EXPECT_EQ(capped(Role::publisher, Role::operator_), Role::viewer) << "neither includes the other";
  EXPECT_EQ(capped(Role::operator_, Role::publisher), Role::viewer);
}

}  // namespace
}  // namespace argosy::server
