// The power goes at every point between two writes of every kind of update; the device starts again and must end where
// it would have ended, with a servable model at every moment.
#include <gtest/gtest.h>

#include "tests/unit/agent/update/update_world.hpp"

namespace argosy::agent {
namespace {

using test::PowerLoss;
using test::wish_for;
using test::with_chain;
using test::with_dataset;
using test::with_part;
using test::with_patch;
using test::with_patched_part;
using test::with_shadow;
using test::with_streamed_patch;
using test::World;
using enum Phase;

struct Expectation {
  Phase end;
  std::string serves;
};

// Throws the switch at chance 0, 1, 2 … until one run gets through without. Returns how many power cuts there were.
int cut_everywhere(const std::function<World()>& arrange, const wire::DesiredModel& wish, const Expectation& expected) {
  for (int chance = 0;; ++chance) {
    World world = arrange();
    const std::string old_version = world.served_version();
    world.power_lasts = chance;
    bool cut = false;
    try {
      world.wish(wish);
      world.run_to_end();
    } catch (const PowerLoss&) {
      cut = true;
    }
    world.power_lasts.reset();
    EXPECT_TRUE(old_version.empty() || world.disk.served() != nullptr) << "nothing serves after cut " << chance;
    if (cut) {
      world.boot();
      EXPECT_TRUE(old_version.empty() || world.disk.served() != nullptr) << "nothing serves after start " << chance;
      world.wish(wish);  // the retained document comes again
      world.run_to_end();
    }
    EXPECT_EQ(world.state.phase, expected.end) << "cut at " << chance << ": " << world.state.message;
    EXPECT_EQ(world.served_version(), expected.serves) << "cut at " << chance;
    if (!cut) return chance;
  }
}

TEST(PowerLoss, FullUpdateEndsCommittedWhereverThePowerGoes) {
  const auto arrange = [] { return World::serving("1.0", 'a'); };
  EXPECT_GT(cut_everywhere(arrange, with_dataset(wish_for("1.1", 'b')), {committed, "1.1"}), 30);
}

TEST(PowerLoss, ShadowRunEndsCommittedWhereverThePowerGoes) {
  const auto arrange = [] {
    World world = World::serving("1.0", 'a');
    world.shadow = wire::ShadowCounts{40, 0, 38, 20, 18, 19, 18};
    return world;
  };
  EXPECT_GT(cut_everywhere(arrange, with_shadow(wish_for("1.1", 'b'), true), {committed, "1.1"}), 30);
}

TEST(PowerLoss, ShadowRunWithoutSamplesEndsFailedWhereverThePowerGoes) {
  const auto arrange = [] { return World::serving("1.0", 'a'); };
  cut_everywhere(arrange, with_shadow(wish_for("1.1", 'b'), true), {failed, "1.0"});
}

TEST(PowerLoss, PatchedUpdateEndsCommittedWhereverThePowerGoes) {
  const auto arrange = [] { return World::serving("1.0", 'a'); };
  EXPECT_GT(cut_everywhere(arrange, with_patch(wish_for("1.1", 'b'), 'a'), {committed, "1.1"}), 30);
}

TEST(PowerLoss, StreamedPatchEndsCommittedWhereverThePowerGoes) {
  const auto arrange = [] { return World::serving("1.0", 'a'); };
  EXPECT_GT(cut_everywhere(arrange, with_streamed_patch(wish_for("1.1", 'b'), 'a'), {committed, "1.1"}), 25);
}

TEST(PowerLoss, ChainOfPatchesEndsCommittedWhereverThePowerGoes) {
  const auto arrange = [] { return World::serving("1.0", 'a'); };
  EXPECT_GT(cut_everywhere(arrange, with_dataset(with_chain(wish_for("1.1", 'b'), 'a', 'c')), {committed, "1.1"}), 35);
}

TEST(PowerLoss, SeveralFilesEndCommittedTogetherWhereverThePowerGoes) {
  const std::vector<wire::Part> parts = {{"model.onnx.data", {test::digest_of('c'), 500}},
                                         {"labels.txt", {test::digest_of('d'), 500}}};
  const auto arrange = [&] { return World::serving("1.0", 'a', parts); };
  auto wish = with_patched_part(with_patch(wish_for("1.1", 'b'), 'a'), "model.onnx.data", 'e', 'c', "bsdiff");
  wish = with_part(with_part(wish, "labels.txt", 'd'), "tokenizer.json", 'f');
  EXPECT_GT(cut_everywhere(arrange, with_dataset(wish), {committed, "1.1"}), 60);
  EXPECT_GT(cut_everywhere(arrange, with_shadow(wish, true), {failed, "1.0"}), 50);
}

TEST(PowerLoss, SeveralFilesGoBackTogetherWhereverThePowerGoes) {
  const auto arrange = [&] {
    World world = World::serving("1.0", 'a', {{"labels.txt", {test::digest_of('d'), 500}}});
    world.wish(with_part(wish_for("1.1", 'a'), "labels.txt", 'e'));
    world.run_to_end();
    return world;
  };
  cut_everywhere(arrange, with_part(wish_for("1.0", 'a', 2), "labels.txt", 'd'), {committed, "1.0"});
}

TEST(PowerLoss, FirstInstallationEndsCommittedWhereverThePowerGoes) {
  const auto arrange = [] {
    World world;
    world.boot();
    return world;
  };
  cut_everywhere(arrange, wish_for("1.0", 'a'), {committed, "1.0"});
}

TEST(PowerLoss, RejectionEndsRejectedAndTheOldVersionServes) {
  const auto arrange = [] {
    World world = World::serving("1.0", 'a');
    world.model_is_good = false;
    return world;
  };
  cut_everywhere(arrange, wish_for("1.1", 'b'), {rejected, "1.0"});
}

TEST(PowerLoss, RollBackEndsRolledBackAndTheOldVersionServes) {
  const auto arrange = [] {
    World world = World::serving("1.0", 'a');
    world.probation.errors = 60;
    return world;
  };
  cut_everywhere(arrange, wish_for("1.1", 'b'), {rolled_back, "1.0"});
}

TEST(PowerLoss, GoingBackLocallyEndsCommitted) {
  const auto arrange = [] {
    World world = World::serving("1.0", 'a');
    world.wish(wish_for("1.1", 'b'));
    world.run_to_end();
    return world;
  };
  cut_everywhere(arrange, wish_for("1.0", 'a', 2), {committed, "1.0"});
}

TEST(PowerLoss, TooManyRestartsBeforeActivationEndAsFailed) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  ASSERT_TRUE(world.run_until(validating));
  for (int i = 0; i <= max_starts; ++i) {
    ASSERT_NE(world.state.phase, failed) << i;
    world.boot();
  }
  EXPECT_EQ(world.state.phase, failed);
  EXPECT_EQ(world.state.cause, "attempts_exhausted");
  EXPECT_EQ(world.served_version(), "1.0");
}

TEST(PowerLoss, TooManyRestartsInProbationRollBack) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  ASSERT_TRUE(world.run_until(probation));
  for (int i = 0; i <= max_starts; ++i) world.boot();
  world.run_to_end();
  EXPECT_EQ(world.state.phase, rolled_back);
  EXPECT_EQ(world.state.cause, "attempts_exhausted");
  EXPECT_EQ(world.served_version(), "1.0");
}

TEST(PowerLoss, ProgressGivesTheStartsBack) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  ASSERT_TRUE(world.run_until(downloading));
  for (int i = 0; i < 3 * max_starts; ++i) {
    world.boot();
    ASSERT_TRUE(world.run_until(downloading)) << i;
    world.give(FetchProgress{world.state.ticket, 10});
  }
  EXPECT_EQ(world.state.starts, 0);
}

TEST(PowerLoss, LostJournalInProbationGoesBackToTheProvenVersion) {
  World world = World::serving("1.0", 'a');
  world.wish(wish_for("1.1", 'b'));
  ASSERT_TRUE(world.run_until(probation));
  world.journal.reset();
  world.boot();
  world.run_to_end();
  EXPECT_EQ(world.state.phase, rolled_back);
  EXPECT_EQ(world.served_version(), "1.0");
}

TEST(PowerLoss, LostLinkIsMendedToTheProvenVersion) {
  World world = World::serving("1.0", 'a');
  world.disk.serving.reset();
  world.boot();
  world.run_to_end();
  EXPECT_EQ(world.served_version(), "1.0");
}

}  // namespace
}  // namespace argosy::agent
