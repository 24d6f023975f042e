#include "tests/bench/fleet_load/seeded_chance.hpp"

#include <gtest/gtest.h>

namespace argosy::fleet_load {
namespace {

TEST(SeededChance, FollowsFromTheSeedAndWhatIsAskedAbout) {
  const SeededChance chance(7);
  EXPECT_EQ(chance.bits(Question::content, 3, 12), SeededChance(7).bits(Question::content, 3, 12));
  const std::uint64_t others[] = {SeededChance(8).bits(Question::content, 3, 12),
                                  chance.bits(Question::garbage_kind, 3, 12), chance.bits(Question::content, 4, 12),
                                  chance.bits(Question::content, 3, 13), chance.bits(Question::content, 12, 3)};
  for (const std::uint64_t other : others) EXPECT_NE(chance.bits(Question::content, 3, 12), other);
}

TEST(SeededChance, HappensAsOftenAsItIsProbable) {
  const SeededChance chance(1);
  int happened = 0;
  for (std::uint64_t device = 0; device < 100; ++device)
    for (std::uint64_t record = 1; record <= 100; ++record)
      happened += chance.happens(0.05, Question::is_repeated, device, record) ? 1 : 0;
  EXPECT_NEAR(happened, 500, 100);
  EXPECT_FALSE(chance.happens(0, Question::is_torn, 1));
  EXPECT_TRUE(chance.happens(1, Question::is_torn, 1));
}

}  // namespace
}  // namespace argosy::fleet_load
