#include <gtest/gtest.h>

#include "common/crypto/keys.hpp"
#include "server/devices/address_budgets.hpp"
#include "server/devices/enrolment.hpp"
#include "server/devices/revocation.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

const Instant asked_at = instant_from_ms(1'700'000'000'000);
const Bytes secret{1, 2, 3};

TEST(WayBack, NeedsTheKeyAndIsBounded) {
  const KnownDevice known{"key", asked_at - 23h, std::nullopt};
  EXPECT_TRUE(decide_return(known, "cam-7", {"key", false}, 24h, asked_at));
  EXPECT_EQ(decide_return(known, "cam-7", {"other", false}, 24h, asked_at).error().code, Errc::forbidden);
  EXPECT_EQ(decide_return(known, "cam-7", {"key", false}, 24h, asked_at + 1h).error().code, Errc::forbidden);
  EXPECT_TRUE(decide_return(KnownDevice{"key", asked_at + 24h, std::nullopt}, "cam-7", {"key", false}, 0h, asked_at))
      << "not ended yet";
}

TEST(WayBack, IsClosedToARevokedDeviceAndToARevokedKey) {
  KnownDevice known{"key", asked_at, std::nullopt};
  EXPECT_EQ(decide_return(known, "cam-7", {"key", true}, 24h, asked_at).error().code, Errc::forbidden);
  known.revoked_at = asked_at;
  EXPECT_EQ(decide_return(known, "cam-7", {"key", false}, 24h, asked_at).error().code, Errc::forbidden);
}

TEST(WayBack, AStrangerLearnsNothingOfWhoIsKnown) {
  const std::string unknown = decide_return(std::nullopt, "cam-7", {"key", false}, 24h, asked_at).error().message;
  const KnownDevice revoked{"other", asked_at, asked_at};
  EXPECT_EQ(decide_return(revoked, "cam-7", {"key", false}, 24h, asked_at).error().message, unknown);
}

TEST(WayBack, AChallengeIsGoodForFiveMinutesWithWhoeverHasTheSecret) {
  const std::string challenge = make_challenge(secret, "0011223344556677", asked_at);
  EXPECT_TRUE(check_challenge(secret, challenge, asked_at + 5min));
  EXPECT_TRUE(check_challenge(secret, challenge, asked_at - 1min)) << "another instance's clock";
  EXPECT_EQ(check_challenge(secret, challenge, asked_at + 301s).error().code, Errc::unauthenticated);
  EXPECT_FALSE(check_challenge(Bytes{9}, challenge, asked_at));
  for (std::string changed : {std::string(), std::string("."), challenge + "0", "9" + challenge, challenge.substr(1),
                              std::string(100'000, '.')})
    EXPECT_FALSE(check_challenge(secret, changed, asked_at)) << changed.substr(0, 40);
}

TEST(WayBack, ARequestHoldsItsChallengeUnderItsSignature) {
  const std::string key = make_private_key().value();
  const std::string challenge = make_challenge(secret, "0011223344556677", asked_at);
  const CsrFacts csr = parse_csr(make_csr(key, "cam-7", challenge).value()).value();
  EXPECT_EQ(csr.challenge, challenge);
  EXPECT_EQ(csr.common_name, "cam-7");
  EXPECT_EQ(parse_csr(make_csr(key, "cam-7").value())->challenge, "");
  EXPECT_EQ(make_csr(key, "cam-7", std::string(256, 'x')).error().code, Errc::invalid_argument);
}

TEST(AddressBudgets, GiveTwentyAtOnceAndTwoASecond) {
  AddressBudgets budgets(1);
  int taken = 0;
  while (taken < 100 && budgets.take("192.0.2.1", asked_at)) ++taken;
  EXPECT_EQ(taken, 20);
  EXPECT_TRUE(budgets.take("192.0.2.2", asked_at));
  EXPECT_TRUE(budgets.take("192.0.2.1", asked_at + 1s));
  EXPECT_TRUE(budgets.take("192.0.2.1", asked_at + 1s));
  EXPECT_FALSE(budgets.take("192.0.2.1", asked_at + 1s));
  EXPECT_FALSE(budgets.take("192.0.2.1", asked_at)) << "a clock that goes back gives nothing";
}

TEST(Revocation, IsWorthAnEventAfterTenSeconds) {
  EXPECT_FALSE(takes_too_long({}, asked_at));
  EXPECT_FALSE(takes_too_long({1, asked_at - 10s, ""}, asked_at));
  EXPECT_TRUE(takes_too_long({1, asked_at - 11s, ""}, asked_at));
}

}  // namespace
}  // namespace argosy::server
