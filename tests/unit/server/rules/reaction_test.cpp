#include "server/rules/reaction.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace argosy::server {
namespace {

const Instant now = parse_rfc3339("2026-11-30T08:00:00Z").value();

WaitingReaction waiting() {
  return {.id = 1,
          .reaction = "roll_back",
          .rule = "drift",
          .most_per_hour = 5,
          .created_at = now - Duration{2000},
          .alert_fires = true,
          .rule_wants_it = true,
          .done_this_hour = 4,
          .all_this_hour = 9,
          .most_of_all = 10};
}

TEST(Reaction, IsDoneWhileItsAlertFiresAndItsRuleWantsIt) {
  EXPECT_FALSE(leaving_of(waiting(), now));
  auto over = waiting();
  over.alert_fires = false;
  EXPECT_EQ(leaving_of(over, now).value().why, "the alert had ended by then");
  auto unwanted = waiting();
  unwanted.rule_wants_it = false;
  EXPECT_TRUE(leaving_of(unwanted, now));
  auto late = waiting();
  late.created_at = now - reaction_lasts - Duration{1};
  EXPECT_TRUE(leaving_of(late, now)) << "people are at it by now";
  auto newer = waiting();
  newer.reaction = "reboot";
  EXPECT_TRUE(leaving_of(newer, now)) << "made by a newer server";
}

TEST(Reaction, IsLeftBeyondWhatItsRuleMayDoInAnHour) {
  auto beyond = waiting();
  beyond.done_this_hour = 5;
  const auto leaving = leaving_of(beyond, now).value();
  EXPECT_EQ(leaving.limit, Leaving::Limit::of_rule);
  EXPECT_NE(leaving.why.find("5 times within an hour"), std::string::npos);
}

TEST(Reaction, IsLeftBeyondWhatAllRulesMayDoInAnHour) {
  auto beyond = waiting();
  beyond.all_this_hour = 10;
  const auto leaving = leaving_of(beyond, now).value();
  EXPECT_EQ(leaving.limit, Leaving::Limit::of_all);
  EXPECT_NE(leaving.why.find("alerts.reactions_percent"), std::string::npos);
  EXPECT_EQ(most_reactions({.percent = 10, .least = 5}, 3000), 300);
  EXPECT_EQ(most_reactions({.percent = 10, .least = 5}, 20), 5) << "a small fleet may do something";
  EXPECT_EQ(most_reactions({.percent = 0, .least = 0}, 3000), 0);
}

TEST(Reaction, IsTriedAgainWithJitterAndAnEnd) {
  Rng rng(7);
  for (int attempts = 0; attempts < reaction_attempts; ++attempts) {
    const auto again = next_attempt(attempts, now, rng);
    ASSERT_TRUE(again);
    EXPECT_GE(*again, now);
    EXPECT_LE(*again, now + reaction_cap);
  }
  EXPECT_FALSE(next_attempt(reaction_attempts, now, rng));
}

TEST(Reaction, IsToldWithWhatCameOfIt) {
  ListedReaction reaction;
  reaction.id = 3;
  reaction.alert = 17;
  reaction.rule = "drift";
  reaction.rule_version = 2;
  reaction.reaction = "roll_back";
  reaction.device = "cam-7";
  reaction.state = "done";
  reaction.details_json = R"({"rollout": 12})";
  reaction.follow_up = "rolled_back";
  reaction.created_at = now;
  const auto json = reaction_to_json(reaction);
  EXPECT_EQ(json["do"], "roll_back");
  EXPECT_EQ(json["details"]["rollout"], 12);
  EXPECT_EQ(json["follow_up"], "rolled_back");
  EXPECT_TRUE(json["ended_at"].is_null());
  EXPECT_TRUE(json["site"].is_null());
}

}  // namespace
}  // namespace argosy::server
