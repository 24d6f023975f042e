#include "server/devices/replacement.hpp"

#include <gtest/gtest.h>

#include "server/devices/enrolment.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

const Instant midday = instant_from_ms(1'700'000'000'000);

Claim claim_with(int uses_left) {
  Claim claim;
  claim.max_uses = uses_left + 3;
  claim.uses = 3;
  return claim;
}

Replacement asking(std::string key, Instant last_asked_at = midday) {
  Replacement made;
  made.device = DeviceId{"cam-7"};
  made.key_sha256 = std::move(key);
  made.asked_at = made.last_asked_at = last_asked_at;
  return made;
}

Replacement settled(std::string key, ReplacementState state, Instant at = midday) {
  Replacement made = asking(std::move(key), at);
  made.state = state;
  made.settled_at = at;
  return made;
}

Result<Asking> ask(const std::optional<Replacement>& standing, Instant at = midday, int asked = 0, int uses_left = 1) {
  EnrolmentRequest request;
  request.device = DeviceId{"cam-7"};
  return decide_asking(standing, request, "key", claim_with(uses_left), asked, at);
}

TEST(Replacement, ABoardAsksOnceAndThenWaits) {
  EXPECT_EQ(ask(std::nullopt).value(), Asking::first);
  EXPECT_EQ(ask(asking("key", midday - 5min)).value(), Asking::again);
  EXPECT_EQ(ask(asking("key", midday - 23h)).value(), Asking::again);
  EXPECT_EQ(ask(asking("key", midday - 24h)).value(), Asking::first) << "it was away for a day";
}

TEST(Replacement, TheKeyThatWasAcceptedIsLetInForADay) {
  const Replacement accepted = settled("key", ReplacementState::accepted);
  EXPECT_EQ(ask(accepted, midday + 23h).value(), Asking::let_in);
  EXPECT_EQ(ask(accepted, midday + 24h).value(), Asking::first);
  EXPECT_EQ(ask(settled("other", ReplacementState::accepted), midday + 1h).error().code, Errc::conflict)
      << "it is kept for the other";
}

TEST(Replacement, ABoardThatWasTurnedDownStaysSo) {
  const Replacement down = settled("key", ReplacementState::turned_down);
  EXPECT_NE(ask(down, midday + 24h * 6).error().message.find("turned this board down"), std::string::npos);
  EXPECT_EQ(ask(down, midday + 24h * 7).value(), Asking::first);
}

TEST(Replacement, AnotherKeyTakesTheTurnOfOneThatAsksNoMore) {
  EXPECT_NE(ask(asking("other", midday - 14min)).error().message.find("another board asks"), std::string::npos);
  EXPECT_EQ(ask(asking("other", midday - 15min)).value(), Asking::first);
  EXPECT_FALSE(ask(settled("other", ReplacementState::turned_down, midday - 14min)));
  EXPECT_EQ(ask(settled("other", ReplacementState::turned_down, midday - 15min)).value(), Asking::first);
}

TEST(Replacement, AClaimSpeaksForAsManyAsItHasUsesLeftAndForAHundred) {
  EXPECT_EQ(ask(std::nullopt, midday, 4, 5).value(), Asking::first);
  EXPECT_EQ(ask(std::nullopt, midday, 5, 5).error().code, Errc::conflict);
  EXPECT_EQ(ask(std::nullopt, midday, 99, 1000).value(), Asking::first);
  EXPECT_EQ(ask(std::nullopt, midday, 100, 1000).error().code, Errc::conflict);
  EXPECT_EQ(ask(asking("key", midday - 5min), midday, 100, 5).value(), Asking::again) << "it is one of them";
}

TEST(Replacement, AnOperatorSettlesTheBoardThatWasShown) {
  const DeviceId device{"cam-7"};
  EXPECT_TRUE(check_choice(asking("key"), {"key", true}, device, midday));
  EXPECT_EQ(check_choice(asking("other"), {"key", true}, device, midday).error().code, Errc::conflict);
  EXPECT_EQ(check_choice(std::nullopt, {"key", true}, device, midday).error().code, Errc::conflict);
  EXPECT_EQ(check_choice(asking("key"), {"key", true}, device, midday + 24h).error().code, Errc::conflict);
  EXPECT_TRUE(check_choice(settled("key", ReplacementState::turned_down), {"key", true}, device, midday));
  const auto read = parse_replacement_choice(R"({"key": "ab", "take": true})");
  EXPECT_EQ(read->key_sha256, "ab");
  EXPECT_TRUE(read->take);
  EXPECT_FALSE(parse_replacement_choice(R"({"take": true})"));
}

}  // namespace
}  // namespace argosy::server
