// The shadow run of an update: between validation and activation the inference program asks both versions.
#include <gtest/gtest.h>

#include "agent/update/journal.hpp"
#include "tests/unit/agent/update/update_bench.hpp"
#include "tests/unit/agent/update/update_world.hpp"

namespace argosy::agent {
namespace {

using test::Bench;
using test::wish_for;
using test::with_shadow;
using test::World;
using enum Phase;

const wire::ShadowCounts forty{40, 0, 38, 20, 18, 19, 18};

World shadowing_world(bool required = false) {
  World world = World::serving("1.0", 'a');
  world.wish(with_shadow(wish_for("1.1", 'b'), required));
  EXPECT_TRUE(world.run_until(shadowing));
  return world;
}

TEST(ShadowRun, ComesAfterValidationAndEndsWithEnoughSamples) {
  World world = shadowing_world();
  world.shadow = forty;
  world.run_to_end();
  EXPECT_EQ(world.phases,
            (std::vector{planning, downloading, verifying, validating, shadowing, activating, probation, committed}));
  const auto update = *report("digits", world.state).update;
  EXPECT_EQ(update.shadow, (wire::ShadowCounts{120, 0, 114, 60, 54, 57, 54}));
  EXPECT_EQ(update.message, "");
}

TEST(ShadowRun, IsLeftOutWhereItIsNotAskedForOrNothingServes) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  world.run_to_end();
  EXPECT_EQ(world.state.phase, committed);
  EXPECT_FALSE(report("digits", world.state).update->shadow);
  World first;
  first.boot();
  first.wish(with_shadow(wish_for("1.0", 'a'), true));
  first.run_to_end();
  EXPECT_EQ(first.state.phase, committed) << first.state.message;
}

TEST(ShadowRun, WithoutSamplesItEndsInTimeAndSaysSo) {
  World world = shadowing_world();
  const Instant end = world.now + std::chrono::seconds(600);
  EXPECT_LE(*wake_at(world.state), end);
  world.run_to_end();
  EXPECT_EQ(world.state.phase, committed);
  EXPECT_EQ(world.state.message, "the shadow run ended with 0 of 100 samples after 600 s");
}

TEST(ShadowRun, WithoutSamplesItFailsWhereThePolicyWantsThem) {
  World world = shadowing_world(true);
  world.give(Shadowed{forty});
  world.run_to_end();
  EXPECT_EQ(world.state.phase, failed);
  EXPECT_EQ(world.state.cause, "shadow_too_few");
  EXPECT_NE(world.state.message.find("40 of 100 samples after 600 s"), std::string::npos) << world.state.message;
  EXPECT_EQ(world.served_version(), "1.0");
}

TEST(ShadowRun, ARestartCostsItNeitherSamplesNorTime) {
  World world = shadowing_world();
  world.give(Shadowed{forty});
  const Instant end = *wake_at(world.state);
  world.now += std::chrono::minutes(2);
  world.boot();
  ASSERT_TRUE(world.run_until(shadowing));
  EXPECT_EQ(world.state.shadow, forty);
  EXPECT_EQ(*wake_at(world.state), end);
}

TEST(ShadowRun, AClockThatWentBackMakesItNoLongerThanItMayBe) {
  World world = shadowing_world();
  world.now -= std::chrono::hours(24 * 365);
  world.boot();
  ASSERT_TRUE(world.run_until(shadowing));
  EXPECT_LE(*wake_at(world.state), world.now + std::chrono::seconds(600));
}

TEST(ShadowRun, RestartsWithoutSamplesEndIt) {
  World world = shadowing_world();
  for (int i = 0; i <= max_starts; ++i) {
    ASSERT_NE(world.state.phase, failed) << i;
    world.boot();
    world.run_until(shadowing);
  }
  EXPECT_EQ(world.state.cause, "attempts_exhausted");
  EXPECT_EQ(world.served_version(), "1.0");
}

TEST(ShadowRun, EndsWhenTheVersionIsNotWantedAnyMoreOrAnotherIs) {
  World world = shadowing_world();
  world.give(Withdrawn{});
  EXPECT_EQ(world.state.cause, "cancelled");
  World other = shadowing_world();
  other.give(Shadowed{forty});
  other.wish(wish_for("1.2", 'c', 2));
  EXPECT_EQ(other.state.shadow, wire::ShadowCounts{});
  other.run_to_end();
  EXPECT_EQ(other.served_version(), "1.2");
}

TEST(ShadowRun, WhatWasLookedAtLongEnoughWaitsForItsOwnersHours) {
  World world = shadowing_world();
  const Hold tonight{std::nullopt, "waiting for tonight"};
  world.give(Shadowed{{100, 0, 100, 0, 0, 0, 0}, tonight});
  EXPECT_EQ(world.state.phase, validating);
  EXPECT_TRUE(report("digits", world.state).update->held);
  world.boot();  // it is not shadowed again
  world.run_until(committed);
  EXPECT_EQ(std::count(world.phases.begin(), world.phases.end(), shadowing), 1);
}

TEST(ShadowRun, IsKeptInTheJournal) {
  World world = shadowing_world();
  world.give(Shadowed{forty});
  auto again = decode_journal(encode_journal(world.state));
  ASSERT_TRUE(again) << again.error().message;
  again->slots = world.state.slots;  // which the disk tells
  EXPECT_EQ(*again, world.state);
}

// The shell ---------------------------------------------------------------------------------------------------------

ShadowAnswer answer_of(const std::string& candidate, bool new_right = true) {
  return {.new_version = candidate, .agreed = new_right, .old_right = true, .new_right = new_right};
}

struct Shadowing : Bench {
  Shadowing() {
    install(wish("1.0", "model one", 1));
    wanted = wish("1.1", "model two", 2);
    wanted.shadow = wire::ShadowSpec{.samples = 50, .max_s = 600, .required = false};
    updater().wish(wanted);
    run();
  }
  std::string candidate() const {
    const auto text = read_file(storage().model("digits") / "candidate");
    return text ? *text : "nothing";
  }
  wire::DesiredModel wanted;
};

TEST(ShadowRunOnDisk, TheProgramFindsTheCandidateForAsLongAsItLasts) {
  Shadowing bench;
  ASSERT_EQ(bench.phase(), shadowing);
  EXPECT_EQ(bench.candidate(), "1.1 b/model.onnx\n");
  EXPECT_EQ(bench.served(), "model one");
  for (int i = 0; i < 50; ++i) bench.updater().count_shadow(answer_of("1.1", i > 0));
  bench.run();
  EXPECT_EQ(bench.phase(), probation);
  EXPECT_EQ(bench.candidate(), "nothing");
  EXPECT_EQ(bench.updater().report().update->shadow, (wire::ShadowCounts{50, 0, 49, 50, 50, 49, 49}));
}

TEST(ShadowRunOnDisk, AnswersOfOtherVersionsDoNotCount) {
  Shadowing bench;
  ShadowAnswer of_another = answer_of("1.1");
  of_another.old_version = "0.9";
  for (int i = 0; i < 60; ++i) {
    bench.updater().count_shadow(answer_of("1.2"));
    bench.updater().count_shadow(of_another);
  }
  bench.let_time_pass(std::chrono::seconds(31));
  EXPECT_EQ(bench.phase(), shadowing);
  EXPECT_EQ(bench.updater().state().shadow.samples, 0U);
}

TEST(ShadowRunOnDisk, ItsCountsAreKeptNowAndThen) {
  Shadowing bench;
  for (int i = 0; i < 20; ++i) bench.updater().count_shadow(answer_of("1.1"));
  bench.let_time_pass(std::chrono::seconds(31));
  bench.updater().count_shadow(answer_of("1.1"));
  bench.start();  // the last one is lost
  EXPECT_EQ(bench.candidate(), "1.1 b/model.onnx\n") << "until the start's first job";
  bench.run();
  EXPECT_EQ(bench.phase(), shadowing);
  EXPECT_EQ(bench.updater().state().shadow.samples, 20U);
  EXPECT_EQ(bench.candidate(), "1.1 b/model.onnx\n");
}

TEST(ShadowRunOnDisk, WhatALastRunLeftIsTakenAway) {
  Bench bench;
  bench.install(bench.wish("1.0", "model one", 1));
  const auto file = bench.storage().model("digits") / "candidate";
  ASSERT_TRUE(write_file_atomically(file, "1.1 b/model.onnx\n"));
  bench.start();
  bench.run();
  EXPECT_FALSE(fs::exists(file));
}

TEST(ShadowRunOnDisk, WithdrawingTheVersionTakesTheCandidateAway) {
  Shadowing bench;
  bench.updater().withdraw();
  bench.run();
  EXPECT_EQ(bench.phase(), failed);
  EXPECT_EQ(bench.candidate(), "nothing");
}

}  // namespace
}  // namespace argosy::agent
