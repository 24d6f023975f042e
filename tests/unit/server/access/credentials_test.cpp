#include "server/access/credentials.hpp"

#include <gtest/gtest.h>

#include "server/access/access_api.hpp"
#include "server/http/request.hpp"

namespace argosy::server {
namespace {

TEST(Credentials, ReadsTheBearerToken) {
  Request request;
  EXPECT_EQ(bearer_token(request), std::nullopt);
  request.headers["authorization"] = "Bearer argosy_abc";
  EXPECT_EQ(bearer_token(request), "argosy_abc");
  request.headers["authorization"] = "Basic argosy_abc";
  EXPECT_EQ(bearer_token(request), std::nullopt);
  request.headers["authorization"] = "Bearer " + std::string(600, 'x');
  EXPECT_EQ(bearer_token(request), std::nullopt);
}

TEST(Credentials, ALinksTokenNeverReachesAServerLog) {
  EXPECT_EQ(login_link("https://argosy.example", "t0k"), "https://argosy.example/login#token=t0k");
}

}  // namespace
}  // namespace argosy::server
