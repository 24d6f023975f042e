#include "server/rollouts/core/penalty_box.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "server/rollouts/core/rollout.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

const Instant failed_at = instant_from_ms(1'800'000'000'000);

DeviceMove move_of(DeviceStep from, DeviceStep to, const std::string& cause = "", const std::string& from_cause = "") {
  DeviceMove move;
  move.device = "cam-7";
  move.from_key = count_key(from, from_cause);
  move.to.step = to;
  move.to.cause = cause;
  return move;
}

TEST(PenaltyBox, CountsWhatADeviceTriedAndFailedAt) {
  using enum DeviceStep;
  EXPECT_EQ(luck_of(move_of(downloading, failed, "download")), Luck::failed);
  EXPECT_EQ(luck_of(move_of(probation, failed, "probation_crash")), Luck::failed);
  EXPECT_EQ(luck_of(move_of(notified, failed, "timeout")), Luck::failed);
  EXPECT_EQ(luck_of(move_of(probation, succeeded)), Luck::succeeded);
  EXPECT_EQ(luck_of(move_of(downloading, patching)), Luck::none);
  EXPECT_EQ(luck_of(move_of(rolling_back, rolled_back)), Luck::none);
}

TEST(PenaltyBox, DoesNotHoldAgainstADeviceWhatItDidNotDo) {
  using enum DeviceStep;
  for (const auto* cause : {"cancelled", "superseded", "decommissioned", "incompatible"})
    EXPECT_EQ(luck_of(move_of(queued, failed, cause)), Luck::none) << cause;
  EXPECT_EQ(luck_of(move_of(rolling_back, failed, "activate")), Luck::none);
}

TEST(PenaltyBox, CountsAFailureOnceWhateverItsCauseBecomes) {
  using enum DeviceStep;
  EXPECT_EQ(luck_of(move_of(failed, failed, "download", "timeout")), Luck::none);
  EXPECT_EQ(luck_of(move_of(failed, succeeded, "", "timeout")), Luck::succeeded);
}

// The longest of many, which full jitter keeps under the ceiling and brings close to it.
Duration longest_of(int failures) {
  Duration longest{0};
  for (int i = 0; i < 2000; ++i) {
    auto jitter = jitter_for("cam-" + std::to_string(i), 7, failures);
    longest = std::max(longest, rest_after(failures, jitter).value());
  }
  return longest;
}

TEST(PenaltyBox, RestsFromTheThirdFailureOnAndTwiceAsLongEachTime) {
  for (int failures = 0; failures < failures_before_rest; ++failures) {
    auto jitter = jitter_for("cam-7", 7, failures);
    EXPECT_EQ(rest_after(failures, jitter), std::nullopt) << failures;
  }
  const std::pair<int, Duration> ceilings[] = {{3, 1h}, {4, 2h}, {5, 4h}, {7, 16h}, {8, 24h}, {9, 24h}, {1000, 24h}};
  for (const auto& [failures, ceiling] : ceilings) {
    const auto longest = longest_of(failures);
    EXPECT_LT(longest, ceiling) << failures;
    EXPECT_GT(longest, ceiling * 99 / 100) << failures;
  }
}

TEST(PenaltyBox, GivesTheSameDeviceTheSameRestHoweverOftenItIsAsked) {
  auto once = jitter_for("cam-7", 7, 3);
  auto again = jitter_for("cam-7", 7, 3);
  EXPECT_EQ(rest_after(3, once), rest_after(3, again));
  auto another = jitter_for("cam-8", 7, 3);
  EXPECT_NE(rest_after(3, once), rest_after(3, another));
}

TEST(TriesByThemselves, AreForTheCausesOfThePolicyAndEnd) {
  const RetryPolicy policy{.causes = {"download", "no_space"}, .max_attempts = 3, .backoff_s = 60};
  const auto when = [&](const char* cause, int attempt) {
    auto jitter = jitter_for("cam-7", 7, attempt);
    return next_try(policy, cause, attempt, failed_at, jitter);
  };
  for (const auto& [attempt, ceiling] : {std::pair<int, Duration>{1, 60s}, {2, 120s}}) {
    ASSERT_TRUE(when("download", attempt)) << attempt;
    EXPECT_GE(*when("download", attempt), failed_at);
    EXPECT_LT(*when("download", attempt), failed_at + ceiling);
  }
  EXPECT_EQ(when("download", 3), std::nullopt) << "the last one";
  EXPECT_EQ(when("validate_rejected", 1), std::nullopt) << "left to operators";
}

TEST(TriesByThemselves, AreNotMadeByDefault) {
  auto jitter = jitter_for("cam-7", 7, 1);
  EXPECT_EQ(next_try(Policy{}.retry, "download", 1, failed_at, jitter), std::nullopt);
}

TEST(TriesByThemselves, AnyCauseIsAnyFailureThatCounts) {
  const RetryPolicy policy{.causes = {"*"}};
  auto jitter = jitter_for("cam-7", 7, 1);
  EXPECT_TRUE(next_try(policy, "activate", 1, failed_at, jitter));
  for (const auto* cause : {"superseded", "decommissioned", "cancelled"})
    EXPECT_EQ(next_try(policy, cause, 1, failed_at, jitter), std::nullopt) << cause;
}

}  // namespace
}  // namespace argosy::server
