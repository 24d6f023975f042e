#include "server/http/paging.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/http/request.hpp"
#include "server/http/response.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

Request request_with(std::map<std::string, std::string, std::less<>> query) {
  Request request;
  request.path = "/api/v1/devices";
  request.query = std::move(query);
  return request;
}

TEST(Paging, DefaultsAndBounds) {
  EXPECT_EQ(read_page(request_with({})).value().limit, 50U);
  EXPECT_EQ(read_page(request_with({{"limit", "500"}})).value().limit, 500U);
  for (const char* wrong : {"0", "501", "-1", "ten", "", "5x"}) {
    EXPECT_EQ(read_page(request_with({{"limit", wrong}})).error().code, Errc::invalid_argument) << wrong;
  }
}

TEST(Paging, ACursorLeadsToTheNextPage) {
  const Response first = page_response(request_with({{"filter", "a = \"b\""}}), json::array({1, 2}), {"cam-7"}, 9);
  const json document = json::parse(std::get<std::string>(first.body));
  EXPECT_EQ(document["total"], 9);
  const std::string cursor = document["next_cursor"];
  EXPECT_EQ(read_page(request_with({{"cursor", cursor}})).value().after, CursorKey{"cam-7"});
  ASSERT_EQ(first.headers.size(), 1U);
  EXPECT_EQ(first.headers[0].second, "</api/v1/devices?filter=a%20%3D%20%22b%22&cursor=" + cursor + ">; rel=\"next\"");
}

TEST(Paging, TheLastPageHasNoCursor) {
  const Response last = page_response(request_with({}), json::array(), {}, 0);
  EXPECT_TRUE(json::parse(std::get<std::string>(last.body))["next_cursor"].is_null());
  EXPECT_TRUE(last.headers.empty());
}

TEST(Paging, RefusesAForeignCursor) {
  for (const std::string& wrong : {std::string("%%"), std::string("AAAA"), encode_cursor({"a", "b"})}) {
    EXPECT_EQ(read_page(request_with({{"cursor", wrong}})).error().code, Errc::invalid_argument) << wrong;
  }
}

}  // namespace
}  // namespace argosy::server
