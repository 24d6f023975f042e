#include "server/rollouts/core/reaction.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

// The device runs 1.1 by rollout 12, which has completed, and had another release before.
SendBackCase runs_it() {
  RolloutDevice row{.device = "cam-7"};
  row.previous_release = 4;
  row.is.step = DeviceStep::succeeded;
  SendBackCase of;
  of.wish = SendBackCase::Wish{.rollout = 12, .state = RolloutState::completed, .version = "1.1", .row = row};
  of.serving = "1.1";
  of.alerted = "1.1";
  return of;
}

std::string why_not(const SendBackCase& of) {
  return why_not_sent_back(of).value_or("");
}

TEST(SendBack, ADeviceThatRunsWhatACompletedRolloutBroughtGoesBack) {
  EXPECT_EQ(why_not(runs_it()), "");
  auto unnamed = runs_it();
  unnamed.alerted.clear();
  EXPECT_EQ(why_not(unnamed), "");
  auto halted = runs_it();
  halted.wish->state = RolloutState::halted;
  EXPECT_EQ(why_not(halted), "");
}

TEST(SendBack, NeverFightsARolloutThatDecidesItself) {
  for (const auto state : {RolloutState::running, RolloutState::paused, RolloutState::rolling_back}) {
    auto of = runs_it();
    of.wish->state = state;
    EXPECT_NE(why_not(of), "") << to_string(state);
  }
  auto next = runs_it();
  next.next_rollout = 13;
  EXPECT_NE(why_not(next).find("rollout 13"), std::string::npos);
}

TEST(SendBack, HappensOnceAndOnlyWhereThereIsSomethingToGoBackTo) {
  EXPECT_NE(why_not({}), "") << "no rollout gave it anything";
  auto sent = runs_it();
  sent.wish->is_its_release = false;
  EXPECT_NE(why_not(sent).find("already"), std::string::npos);
  auto first = runs_it();
  first.wish->row->previous_release.reset();
  EXPECT_NE(why_not(first), "") << "its first release";
  auto installed = runs_it();
  installed.wish->row->is.cause = cause_already_installed;
  EXPECT_NE(why_not(installed), "") << "the rollout changed nothing there";
  auto failed = runs_it();
  failed.wish->row->is.step = DeviceStep::failed;
  EXPECT_NE(why_not(failed), "");
  auto forgotten = runs_it();
  forgotten.wish->row.reset();
  EXPECT_NE(why_not(forgotten), "");
}

TEST(SendBack, IsOfTheReleaseThatTheAlertIsAbout) {
  auto moved_on = runs_it();
  moved_on.serving = "1.2";
  EXPECT_NE(why_not(moved_on), "");
  auto of_before = runs_it();
  of_before.alerted = "1.0";
  EXPECT_NE(why_not(of_before), "");
}

}  // namespace
}  // namespace argosy::server
