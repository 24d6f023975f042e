// An update on a disk with so much room and no more, at every level from none to plenty in steps of a megabyte: as the
// agent sees it beforehand, and as it finds out while it writes because somebody else was quicker.
#include <gtest/gtest.h>

#include "tests/unit/agent/update/update_scenario.hpp"

namespace argosy::agent {
namespace {

using argosy::test::FaultyDisk;
using argosy::test::Image;
using argosy::test::image_of;
using test::Bench;
using test::litter_on;
using test::play;
using test::ScenarioStep;
using test::whole_served_model;

constexpr std::uint64_t mb = 1 << 20;
constexpr std::uint64_t model_bytes = 3 * mb + mb / 2;
constexpr std::uint64_t plenty_bytes = 22 * mb;
const std::string old_model(model_bytes, 'o');
const std::string new_model(model_bytes, 'n');

const Image& device_with_old_model() {
  static const Image image = [] {
    Bench bench;
    bench.install(bench.wish("1.0", old_model, 1));
    return image_of(bench.storage().root());
  }();
  return image;
}

ScenarioStep update() {
  ScenarioStep step;
  step.wish = [](Bench& bench) { return bench.wish("1.1", new_model, 2); };
  return step;
}

// Plays the update with so much room, then once more with plenty. Whether the first one got through.
bool fits_into(std::uint64_t room, std::optional<std::uint64_t> told) {
  SCOPED_TRACE(std::to_string(room / mb) + " MB free");
  Bench bench{Bench::SwitchedOff{}};
  FaultyDisk disk(bench.storage().root(), device_with_old_model());
  const DiskInPlace in_place(disk);
  bench.answer_with(0.95);
  bench.start();
  disk.set_room(room, told);
  const bool ended = play(bench, update(), 0);
  const bool fitted = ended && bench.phase() == Phase::committed;
  if (!fitted) {
    EXPECT_TRUE(whole_served_model(bench) == old_model);
    const auto reported = bench.updater().report().update;
    EXPECT_EQ(reported->cause, ended ? "no_space" : "");
    const bool told_why = reported->message.find("No space left") != std::string::npos ||
                          reported->message.find("make room") != std::string::npos;
    EXPECT_TRUE(told_why) << reported->message;
  }
  disk.heal();
  EXPECT_TRUE(play(bench, update(), 1));
  EXPECT_EQ(bench.phase(), Phase::committed) << bench.updater().state().message;
  EXPECT_TRUE(whole_served_model(bench) == new_model);
  EXPECT_EQ(litter_on(bench), "");
  return fitted;
}

TEST(DiskFull, IsSeenBeforeAByteIsFetched) {
  for (std::uint64_t room = 0; room <= plenty_bytes; room += mb)
    EXPECT_EQ(fits_into(room, std::nullopt), room > model_bytes + disk_reserve) << room / mb << " MB";
}

TEST(DiskFull, IsSurvivedWhereverItIsHit) {
  for (std::uint64_t room = 0; room <= 2 * model_bytes; room += mb)
    EXPECT_EQ(fits_into(room, plenty_bytes * 2), room > model_bytes) << room / mb << " MB";
}

}  // namespace
}  // namespace argosy::agent
