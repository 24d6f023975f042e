#include "server/http/query.hpp"

#include <gtest/gtest.h>

#include "server/http/request.hpp"

namespace argosy::server {
namespace {

TEST(Query, DecodesPairs) {
  const auto query = parse_query("a=1&b=two%20words+more&empty=&flag&a=2&&").value();
  EXPECT_EQ(query.at("a"), "2");
  EXPECT_EQ(query.at("b"), "two words more");
  EXPECT_EQ(query.at("empty"), "");
  EXPECT_EQ(query.at("flag"), "");
  EXPECT_EQ(query.size(), 4U);
}

TEST(Query, RefusesStrayPercentsAndNul) {
  for (const char* wrong : {"a=%", "a=%1", "a=%zz", "%=1", "a=%00"}) {
    EXPECT_EQ(parse_query(wrong).error().code, Errc::invalid_argument) << wrong;
  }
}

TEST(Query, RefusesTooMany) {
  std::string text;
  for (int i = 0; i < 65; ++i) text += "p" + std::to_string(i) + "=1&";
  EXPECT_EQ(parse_query(text).error().code, Errc::too_large);
}

TEST(Query, PercentCodingRoundTrips) {
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(percent_decode(percent_encode(all), false), all);
  EXPECT_EQ(percent_encode("/a b", "/"), "/a%20b");
}

TEST(Query, TakesTimesAsTextAndAsSeconds) {
  Request request;
  request.query = {{"from", "1700000000"}, {"to", "2026-01-31T09:30:00Z"}, {"bad", "yesterday"}};
  EXPECT_EQ(instant_query(request, "from").value(), instant_from_ms(1700000000000));
  EXPECT_EQ(to_rfc3339(instant_query(request, "to").value().value()), "2026-01-31T09:30:00.000Z");
  EXPECT_FALSE(instant_query(request, "none").value());
  EXPECT_FALSE(instant_query(request, "bad"));
}

TEST(Query, ARangeIsAsLongAsUsualUntilNowUnlessItIsSaid) {
  using namespace std::chrono_literals;
  Request request;
  request.now = instant_from_ms(1'700'000'000'000);
  const auto usual = range_query(request, 1h, std::chrono::days(400)).value();
  EXPECT_EQ(usual.to, request.now);
  EXPECT_EQ(usual.from, request.now - 1h);
  request.query = {{"from", "2023-11-14T22:13:20Z"}};
  EXPECT_EQ(range_query(request, 1h, std::chrono::days(400)).error().message,
            "\"from\" (2023-11-14T22:13:20.000Z) must be before \"to\" (2023-11-14T22:13:20.000Z)");
  request.query = {{"from", "2023-10-14"}};
  EXPECT_FALSE(range_query(request, 1h, std::chrono::days(400)));
  request.query = {{"from", "1600000000"}};
  EXPECT_EQ(range_query(request, 1h, std::chrono::days(400)).error().message,
            "\"from\" (2020-09-13T12:26:40.000Z) is over 400 days before \"to\" (2023-11-14T22:13:20.000Z); ask for a "
            "shorter time");
}

TEST(Query, AnIdThatIsNoNumberIsNotFound) {
  Request request;
  for (const char* wrong : {"x", "0", "-3", "1e3", "99999999999999999999"}) {
    request.params = {{"id", wrong}};
    EXPECT_EQ(id_param(request).error().code, Errc::not_found) << wrong;
  }
  request.params = {{"id", "12"}};
  EXPECT_EQ(id_param(request).value(), 12);
}

}  // namespace
}  // namespace argosy::server
