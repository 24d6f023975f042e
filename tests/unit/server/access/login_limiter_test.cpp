#include "server/access/login_limiter.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

const Instant start = instant_from_ms(1'700'000'000'000);

TEST(LoginLimiter, AllowsAFewTriesAndThenTellsTheWait) {
  LoginLimiter limiter({.tries = 3, .refill = Duration(10'000), .keys = 10});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.take("ada", start), Duration::zero());
  const Duration wait = limiter.take("ada", start);
  EXPECT_GT(wait, Duration(9'000));
  EXPECT_LE(wait, Duration(10'001));
  EXPECT_EQ(limiter.take("bob", start), Duration::zero()) << "others are not held up";
}

TEST(LoginLimiter, WaitingHelps) {
  LoginLimiter limiter({.tries = 1, .refill = Duration(10'000), .keys = 10});
  EXPECT_EQ(limiter.take("ada", start), Duration::zero());
  const Duration wait = limiter.take("ada", start);
  EXPECT_NE(wait, Duration::zero());
  EXPECT_EQ(limiter.take("ada", start + wait), Duration::zero());
  EXPECT_NE(limiter.take("ada", start + wait), Duration::zero());
}

TEST(LoginLimiter, SuccessForgets) {
  LoginLimiter limiter({.tries = 1, .refill = Duration(10'000), .keys = 10});
  limiter.take("ada", start);
  limiter.forget("ada");
  EXPECT_EQ(limiter.take("ada", start), Duration::zero());
}

TEST(LoginLimiter, ManyKeysDoNotGrowIt) {
  LoginLimiter limiter({.tries = 1, .refill = Duration(10'000), .keys = 2});
  limiter.take("a", start);
  limiter.take("b", start);
  EXPECT_NE(limiter.take("c", start), Duration::zero());
  EXPECT_EQ(limiter.take("c", start + Duration(10'000)), Duration::zero()) << "the others' buckets are full again";
}

}  // namespace
}  // namespace argosy::server
