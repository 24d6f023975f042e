// An update that waits because the device's owner wants it to: for an hour, a day, a link.
#include <set>

#include <gtest/gtest.h>

#include "agent/update/update_machine.hpp"
#include "tests/unit/agent/update/update_world.hpp"

namespace argosy::agent {
namespace {

using test::wish_for;
using test::World;
using enum Phase;

const Hold until_tonight{instant_from_ms(1'700'000'000'000) + std::chrono::hours(9), "waiting for tonight"};
const Hold for_a_link{std::nullopt, "waiting for another link"};

FetchFailed held(const World& world, const Hold& hold) {
  return {world.state.ticket, make_error(Errc::unavailable, hold.why), true, std::nullopt, hold};
}

TEST(UpdateHold, HeldDownloadWaitsWithoutATryBeingSpent) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  ASSERT_TRUE(world.run_until(downloading));
  world.give(FetchFailed{world.state.ticket, make_error(Errc::unavailable, "cut"), true, std::nullopt});
  world.give(Tick{true});
  for (const Hold& hold : {until_tonight, for_a_link}) {
    world.give(held(world, hold));
    EXPECT_EQ(world.state.phase, downloading);
    EXPECT_EQ(world.state.tries, 1);
    EXPECT_EQ(report("digits", world.state).update->message, hold.why);
    EXPECT_EQ(report("digits", world.state).update->cause, "");
    EXPECT_EQ(*wake_at(world.state), world.now + look_again);  // windows, links and clocks change
    world.give(Tick{true});
    EXPECT_EQ(report("digits", world.state).update->message, hold.why);  // until there is something new to say
  }
  world.give(FetchProgress{world.state.ticket, 10});
  EXPECT_EQ(report("digits", world.state).update->message, "");
  world.run_to_end();
  EXPECT_EQ(world.state.phase, committed);
}

TEST(UpdateHold, HoldEndsAtItsTimeAndAFleetSpreadsOut) {
  std::set<Instant> woken;
  for (std::uint64_t device = 0; device < 20; ++device) {
    World world = World::serving("1.0", 'a');
    world.state.seed = device;
    world.wish(wish_for("1.1", 'b'));
    ASSERT_TRUE(world.run_until(downloading));
    const Instant opening = world.now + std::chrono::minutes(2);
    world.give(held(world, {opening, "soon"}));
    woken.insert(*wake_at(world.state));
    EXPECT_GE(*wake_at(world.state), opening);
    EXPECT_LE(*wake_at(world.state), opening + longest_spread);
  }
  EXPECT_GT(woken.size(), 15u);
}

TEST(UpdateHold, LongHoldIsWrittenDownOnceAndOutlastsRestarts) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  for (int i = 0; i < 3 * max_starts; ++i) {
    ASSERT_TRUE(world.run_until(downloading)) << i;
    Step step = argosy::agent::step(world.state, held(world, until_tonight), world.now);
    EXPECT_TRUE(step.keep);
    world.give(held(world, until_tonight));
    world.give(Tick{true});
    step = argosy::agent::step(world.state, held(world, until_tonight), world.now);
    EXPECT_FALSE(step.keep);
    world.boot();
    EXPECT_EQ(world.state.message, "");
  }
  EXPECT_TRUE(world.run_until(committed));
}

// Up to a validated model that waits for its hour.
World waiting_to_be_switched_in() {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  EXPECT_TRUE(world.run_until(validating));
  ValidationOutcome passed;
  passed.passed = true;
  passed.value = 0.95;
  world.give(Validated{world.state.ticket, passed, {}, until_tonight});
  return world;
}

TEST(UpdateHold, ValidatedModelWaitsForItsHour) {
  World world = waiting_to_be_switched_in();
  EXPECT_EQ(world.state.phase, validating);
  EXPECT_EQ(world.state.metric_value, 0.95);
  EXPECT_EQ(report("digits", world.state).update->message, until_tonight.why);
  EXPECT_EQ(world.served_version(), "1.0");
  world.give(Tick{false, until_tonight});  // not yet time to ask again
  EXPECT_EQ(world.state.phase, validating);
  world.give(Tick{true, until_tonight});
  EXPECT_EQ(world.state.phase, validating);
  EXPECT_TRUE(world.state.held);
  world.give(Tick{true});
  EXPECT_EQ(world.state.phase, activating);
  EXPECT_EQ(world.state.message, "");
  world.run_to_end();
  EXPECT_EQ(world.served_version(), "1.1");
}

TEST(UpdateHold, WhatWaitsForItsOwnerCanBeCancelledAndSuperseded) {
  World switching = waiting_to_be_switched_in();
  World fetching = World::serving("1.0", 'a');
  fetching.wish(wish_for("1.1", 'b'));
  ASSERT_TRUE(fetching.run_until(downloading));
  fetching.give(held(fetching, until_tonight));
  for (World world : {switching, fetching}) {
    World other = world;
    world.give(Withdrawn{});
    EXPECT_EQ(world.state.phase, failed);
    EXPECT_EQ(world.state.cause, "cancelled");
    EXPECT_FALSE(wake_at(world.state));
    world.give(Tick{true});
    world.run_to_end();
    EXPECT_EQ(world.served_version(), "1.0");
    other.wish(wish_for("1.2", 'c', 2));
    EXPECT_EQ(other.state.phase, planning);
    EXPECT_EQ(other.state.message, "");
    other.run_to_end();
    EXPECT_EQ(other.served_version(), "1.2");
  }
}

TEST(UpdateHold, RestartDoesNotForgetAModelThatWaitsForItsHour) {
  World world = waiting_to_be_switched_in();
  for (int i = 0; i < 3 * max_starts; ++i) {
    world.boot();
    ASSERT_TRUE(world.run_until(validating)) << i;
    ValidationOutcome passed;
    passed.passed = true;
    world.give(Validated{world.state.ticket, passed, {}, until_tonight});
  }
  EXPECT_EQ(world.served_version(), "1.0");
  world.give(Tick{true});
  world.run_to_end();
  EXPECT_EQ(world.served_version(), "1.1");
}

}  // namespace
}  // namespace argosy::agent
