#include "server/rollouts/core/launch.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

const Instant today = instant_from_ms(1'800'000'000'000);

TEST(Launch, WithoutTimeAndApprovalStartRuns) {
  EXPECT_EQ(state_after_start(false, std::nullopt, today), RolloutState::running);
}

TEST(Launch, ATimeAheadIsWaitedForAndOneThatHasPassedIsNot) {
  EXPECT_EQ(state_after_start(false, today + seconds(1), today), RolloutState::scheduled);
  EXPECT_EQ(state_after_start(false, today, today), RolloutState::running);
  EXPECT_EQ(state_after_start(false, today - seconds(1), today), RolloutState::running);
}

TEST(Launch, ApprovalComesBeforeTheTime) {
  EXPECT_EQ(state_after_start(true, today + seconds(1), today), RolloutState::awaiting_approval);
  EXPECT_EQ(state_after_start(true, std::nullopt, today), RolloutState::awaiting_approval);
  EXPECT_EQ(state_after_approval(today + seconds(1), today), RolloutState::scheduled);
  EXPECT_EQ(state_after_approval(today - seconds(1), today), RolloutState::running) << "approved too late for its time";
}

TEST(Launch, ATimeThatHasPassedIsRefusedWhereItIsAskedFor) {
  EXPECT_TRUE(check_start_at(today + seconds(1), today));
  EXPECT_FALSE(check_start_at(today, today));
  EXPECT_FALSE(check_start_at(today + hours(24 * 367), today));
}

TEST(Launch, NobodyApprovesTheirOwn) {
  const Account ada{"user:ada", "user:5"};
  EXPECT_TRUE(approver_refusal(ada, ada));
  EXPECT_FALSE(approver_refusal(ada, {"user:bob", "user:6"}));
}

TEST(Launch, ATokenIsWhoMadeIt) {
  const Account ada{"user:ada", "user:5"};
  const Account token{"token:ci", "user:5"};
  EXPECT_TRUE(approver_refusal(ada, token));
  EXPECT_TRUE(approver_refusal(token, ada));
  EXPECT_NE(approver_refusal(ada, token)->find("the account behind user:ada"), std::string::npos);
  EXPECT_FALSE(approver_refusal(token, {"token:ci2", "user:6"}));
}

TEST(Launch, TokensOfOneNameMayBelongToTwo) {
  EXPECT_FALSE(approver_refusal({"token:login-desk", "user:5"}, {"token:login-desk", "user:6"}));
}

// Rollouts that were made before that was kept.
TEST(Launch, WithoutAKnownPersonTheNameDecides) {
  EXPECT_TRUE(approver_refusal({"user:ada", ""}, {"user:ada", "user:5"}));
  EXPECT_FALSE(approver_refusal({"user:ada", ""}, {"user:bob", ""}));
}

TEST(Launch, SaysWhenItIsLateBeyondItsGrace) {
  EXPECT_EQ(lateness(today, 300, today + seconds(300)), "");
  EXPECT_EQ(lateness(today, 300, today + seconds(301)), ", 301 s late,");
}

}  // namespace
}  // namespace argosy::server
