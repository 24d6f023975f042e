#include "net/http.hpp"

#include <gtest/gtest.h>

namespace argosy::net {
namespace {

HttpHead head_with(std::map<std::string, std::string> headers) {
  return {503, std::move(headers)};
}

TEST(HttpHead, FindsAHeader) {
  const HttpHead head = head_with({{"etag", "7"}});
  EXPECT_EQ(head.header("etag"), "7");
  EXPECT_FALSE(head.header("date"));
}

TEST(HttpHead, RetryAfterIsSecondsAtMostADay) {
  EXPECT_EQ(head_with({{"retry-after", "120"}}).retry_after(), Duration{120'000});
  EXPECT_EQ(head_with({{"retry-after", "1000000"}}).retry_after(), Duration{86'400'000});
  EXPECT_FALSE(head_with({}).retry_after());
  EXPECT_FALSE(head_with({{"retry-after", "soon"}}).retry_after());
}

TEST(HttpHead, OrADateFromTheAnswersOwn) {
  EXPECT_EQ(head_with({{"retry-after", "Mon, 23 Nov 2026 04:01:30 GMT"}, {"date", "Mon, 23 Nov 2026 04:00:00 GMT"}})
                .retry_after(),
            Duration{90'000});
  EXPECT_FALSE(head_with({{"retry-after", "Mon, 23 Nov 2026 04:01:30 GMT"}}).retry_after());
}

}  // namespace
}  // namespace argosy::net
