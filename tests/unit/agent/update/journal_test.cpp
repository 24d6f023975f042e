#include "agent/update/journal.hpp"

#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "tests/unit/agent/temp_folder.hpp"
#include "tests/unit/agent/update/update_world.hpp"

namespace argosy::agent {
namespace {

using test::TempFolder;
using test::World;

UpdateState in_probation() {
  World world = World::serving("1.0", 'a');
  world.wish(test::with_dataset(test::with_patch(test::wish_for("1.1", 'b'), 'a')));
  world.run_until(Phase::probation);
  world.wish(test::wish_for("1.2", 'c', 2));
  world.state.retry_at = instant_from_ms(1234);
  world.state.held = true;
  return world.state;
}

TEST(Journal, WhatWasSavedIsLoadedButForTheSlots) {
  const TempFolder folder;
  Journal journal(folder / "digits.json");
  UpdateState state = in_probation();
  ASSERT_TRUE(journal.save(state));
  const auto loaded = journal.load();
  ASSERT_TRUE(loaded);
  ASSERT_TRUE(loaded->state);
  state.slots = {};
  EXPECT_EQ(*loaded->state, state);
}

TEST(Journal, TheWaysOfAllFilesAreKept) {
  World world = World::serving("1.0", 'a', {{"labels.txt", {test::digest_of('d'), 500}}});
  const auto patched =
      test::with_patched_part(test::with_patch(test::wish_for("1.1", 'b'), 'a'), "labels.txt", 'e', 'd');
  world.wish(test::with_part(patched, "tokenizer.json", 'f'));
  while (world.state.file < 2) ASSERT_TRUE(world.run_one());
  world.state.ways[1].whole_only = true;
  UpdateState read = decode_journal(encode_journal(world.state)).value();
  read.slots = world.state.slots;
  EXPECT_EQ(read, world.state);
}

TEST(Journal, WaysThatAreNotThoseOfTheWishAreNotBelieved) {
  World world = World::serving("1.0", 'a');
  world.wish(test::with_part(test::wish_for("1.1", 'b'), "labels.txt", 'd'));
  world.state.ways.resize(3);
  EXPECT_FALSE(decode_journal(encode_journal(world.state)));
  world.state.ways.resize(2);
  world.state.file = 2;
  EXPECT_FALSE(decode_journal(encode_journal(world.state)));
}

TEST(Journal, AbsentIsNoError) {
  const TempFolder folder;
  const auto loaded = Journal(folder / "digits.json").load();
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(loaded->state);
  EXPECT_TRUE(loaded->remark.empty());
}

TEST(Journal, EveryTruncationIsSetAsideAndNeverBelieved) {
  const TempFolder folder;
  const std::string whole = encode_journal(in_probation());
  for (std::size_t size = 0; size < whole.size(); size += 61) {
    ASSERT_TRUE(write_file_atomically(folder / "digits.json", whole.substr(0, size)));
    const auto loaded = Journal(folder / "digits.json").load();
    ASSERT_TRUE(loaded) << size;
    EXPECT_FALSE(loaded->state) << size;
    EXPECT_FALSE(loaded->remark.empty());
    EXPECT_TRUE(std::filesystem::exists(folder / "digits.json.corrupt"));
    EXPECT_FALSE(std::filesystem::exists(folder / "digits.json"));
  }
}

TEST(Journal, NewerSchemaIsRefusedAndLeftUntouched) {
  const TempFolder folder;
  const std::string newer = R"({"schema": 2, "phase": "something new"})";
  ASSERT_TRUE(write_file_atomically(folder / "digits.json", newer));
  const auto loaded = Journal(folder / "digits.json").load();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Errc::incompatible);
  EXPECT_EQ(*read_file(folder / "digits.json"), newer);
}

TEST(Journal, FieldsThatAnEarlierAgentDidNotKnowMayBeMissing) {
  const auto decoded = decode_journal(
      R"({"schema": 1, "phase": "rolling_back", "target": "b", "source": "full", "changed_at": "2026-01-01T00:00:00Z"})");
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->phase, Phase::rolling_back);
  EXPECT_EQ(decoded->target, SlotName::b);
  EXPECT_EQ(decoded->starts, 0);
}

TEST(Journal, StateWithoutItsWishIsCorrupt) {
  UpdateState state = in_probation();
  state.wish.reset();
  const auto decoded = decode_journal(encode_journal(state));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Errc::corrupt);
}

TEST(Journal, FolderThatCannotBeWrittenIsAnError) {
  const TempFolder folder;
  EXPECT_FALSE(Journal(folder / "missing/digits.json").save(in_probation()));
}

}  // namespace
}  // namespace argosy::agent
