#include "server/access/login_limiter.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

const Instant start = instant_from_ms(1'700'000'000'000);

void fail(LoginLimiter& limiter, const std::string& account, const std::string& address, int times) {
  for (int i = 0; i < times; ++i) limiter.take(account, address, start);
}

TEST(LoginLimiter, AllowsAFewTriesAndThenTellsTheWait) {
  LoginLimiter limiter;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(limiter.take("ada", "a", start).wait, Duration::zero());
  const Duration wait = limiter.take("ada", "a", start).wait;
  EXPECT_GT(wait, Duration(11'000));
  EXPECT_LE(wait, Duration(12'001));
  EXPECT_EQ(limiter.take("ada", "a", start + wait).wait, Duration::zero()) << "waiting helps";
}

TEST(LoginLimiter, WhoGuessesShutsOutNobodyButHimself) {
  LoginLimiter limiter;
  fail(limiter, "ada", "guesser", 20);
  EXPECT_EQ(limiter.take("ada", "her own", start).wait, Duration::zero());
  EXPECT_EQ(limiter.take("bob", "guesser", start).wait, Duration::zero()) << "another account from there, for now";
}

TEST(LoginLimiter, AnAddressThatTriesManyAccountsIsRefused) {
  LoginLimiter limiter;
  for (int i = 0; i < 60; ++i) limiter.take("user" + std::to_string(i), "guesser", start);
  EXPECT_NE(limiter.take("ada", "guesser", start).wait, Duration::zero());
  EXPECT_EQ(limiter.take("ada", "her own", start).wait, Duration::zero());
}

TEST(LoginLimiter, AnAccountThatIsGuessedAtFromEverywhereIsSlowButNeverShut) {
  LoginLimiter limiter;
  limiter.take("ada", "her own", start);
  limiter.succeeded("ada", "her own", start);
  for (int i = 0; i < 100'000; ++i) limiter.take("ada", "bot" + std::to_string(i), start);
  const auto new_place = limiter.take("ada", "a new place", start);
  EXPECT_EQ(new_place.wait, Duration::zero());
  EXPECT_GT(new_place.delay, Duration::zero());
  EXPECT_LE(new_place.delay, Duration(5'000));
}

TEST(LoginLimiter, WhereTheOwnerSignedInBeforeNothingIsSlow) {
  LoginLimiter limiter;
  limiter.take("ada", "her own", start);
  limiter.succeeded("ada", "her own", start);
  for (int i = 0; i < 5'000; ++i) limiter.take("ada", "bot" + std::to_string(i), start);
  const auto verdict = limiter.take("ada", "her own", start);
  EXPECT_EQ(verdict.wait, Duration::zero());
  EXPECT_EQ(verdict.delay, Duration::zero());
}

TEST(LoginLimiter, SuccessForgets) {
  LoginLimiter limiter;
  fail(limiter, "ada", "a", 5);
  limiter.succeeded("ada", "a", start);
  EXPECT_EQ(limiter.take("ada", "a", start).wait, Duration::zero());
}

TEST(LoginLimiter, ATryThatCameToNothingIsGivenBack) {
  LoginLimiter limiter;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(limiter.take("ada", "a", start).wait, Duration::zero());
    limiter.give_back("ada", "a");
  }
}

TEST(TryBuckets, AFloodOfKeysNeitherGrowsThemNorShutsAnybodyOut) {
  TryBuckets buckets({1, Duration(10'000), 100});
  for (int i = 0; i < 1'000; ++i) buckets.take(std::to_string(i), start);
  EXPECT_EQ(buckets.size(), 100U);
  EXPECT_EQ(buckets.wait("somebody new", start), Duration::zero());
  EXPECT_NE(buckets.wait("999", start), Duration::zero()) << "the newest are remembered";
}

}  // namespace
}  // namespace argosy::server
