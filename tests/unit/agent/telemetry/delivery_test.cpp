#include "agent/telemetry/delivery.hpp"

#include <gtest/gtest.h>

namespace argosy::agent {
namespace {

using namespace std::chrono_literals;

TEST(Delivery, OneBatchAtATime) {
  Delivery delivery(1);
  Instant now = instant_from_ms(1'700'000'000'000);
  EXPECT_TRUE(delivery.may_send(now));
  delivery.sent(now);
  EXPECT_FALSE(delivery.may_send(now + 14s));
  delivery.answered();
  EXPECT_TRUE(delivery.may_send(now + 14s));
}

TEST(Delivery, BatchWithoutAnAnswerIsSentAgainLater) {
  Delivery delivery(1);
  Instant now = instant_from_ms(1'700'000'000'000);
  delivery.sent(now);
  now += Delivery::answer_timeout;
  EXPECT_FALSE(delivery.may_send(now));
  EXPECT_TRUE(delivery.may_send(now + Delivery::retry_base));
}

TEST(Delivery, NoWaitIsLongerThanTheCap) {
  Delivery delivery(7);
  Instant now = instant_from_ms(1'700'000'000'000);
  for (int i = 0; i < 40; ++i) delivery.failed(now);
  EXPECT_TRUE(delivery.may_send(now + Delivery::retry_cap));
  EXPECT_TRUE(delivery.may_send(instant_from_ms(0)));  // a clock that lost its battery
}

TEST(Delivery, TheServersWishComesBeforeTheJitterAndHasALimit) {
  const Instant now = instant_from_ms(1'700'000'000'000);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Delivery delivery(seed);
    delivery.failed(now, 30s);
    EXPECT_FALSE(delivery.may_send(now + 29s));
    EXPECT_TRUE(delivery.may_send(now + 30s + Delivery::retry_base));
    delivery.failed(now, 24h);
    EXPECT_TRUE(delivery.may_send(now + Delivery::longest_wish + 2 * Delivery::retry_base));
    EXPECT_EQ(delivery.failures(), 2);
    delivery.answered();
    EXPECT_EQ(delivery.failures(), 0);
  }
}

TEST(Delivery, AnotherWayIsTriedAtOnce) {
  Delivery delivery(7);
  const Instant now = instant_from_ms(1'700'000'000'000);
  delivery.sent(now);
  delivery.link_changed();
  EXPECT_TRUE(delivery.may_send(now));
}

}  // namespace
}  // namespace argosy::agent
