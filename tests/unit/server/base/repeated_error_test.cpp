#include "server/base/repeated_error.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

TEST(RepeatedError, IsSaidWhenNewAndThenOnceAMinute) {
  RepeatedError errors("work");
  const RepeatedError::Clock::time_point start{};
  EXPECT_TRUE(errors.is_news("no connection", start));
  EXPECT_FALSE(errors.is_news("no connection", start + 59s));
  EXPECT_TRUE(errors.is_news("no connection", start + 60s));
}

TEST(RepeatedError, TwoThatTakeTurnsAreSaidOnceEach) {
  RepeatedError errors("work");
  const RepeatedError::Clock::time_point start{};
  EXPECT_TRUE(errors.is_news("first", start));
  EXPECT_TRUE(errors.is_news("second", start));
  EXPECT_FALSE(errors.is_news("first", start + 1s));
  EXPECT_FALSE(errors.is_news("second", start + 1s));
}

TEST(RepeatedError, RemembersAFew) {
  RepeatedError errors("work");
  const RepeatedError::Clock::time_point start{};
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(errors.is_news("error " + std::to_string(i), start));
  EXPECT_TRUE(errors.is_news("error 0", start)) << "it has been forgotten for newer ones";
}

}  // namespace
}  // namespace argosy::server
