#include "server/access/account.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace argosy::server
