#include "server/telemetry/stored/day_entries.hpp"

#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "server/telemetry/window_figures.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

TakenWindow day_sum(int day, std::uint64_t count) {
  TakenWindow sum;
  sum.started_at = Instant{} + std::chrono::days{20'000 + day};
  sum.ended_at = sum.started_at + 23h;
  sum.received_at = sum.ended_at + 40ms;
  sum.count = count;
  sum.latency.add(12, count);
  sum.features = {{"sharpness", {count, 2}}};
  sum.classes = {{3, count}};
  sum.numbers["queue_depth"].add(4);
  return sum;
}

std::vector<TakenWindow> visited(const DayEntries& days, std::uint32_t parts = all_parts) {
  std::vector<TakenWindow> found;
  EXPECT_TRUE(
      visit_days(days.entries, days.shapes, parts, [&](TakenWindow&& day) { found.push_back(std::move(day)); }));
  return found;
}

TEST(DayEntries, AreReadAgainOneBehindTheOther) {
  DayEntries days;
  const std::vector<TakenWindow> sums{day_sum(0, 7), day_sum(1, 900), day_sum(1, 1)};
  for (const auto& sum : sums) days.add(sum);
  EXPECT_EQ(visited(days), sums);
}

TEST(DayEntries, NeedNoShapesForAChart) {
  DayEntries days;
  days.add(day_sum(0, 7));
  days.shapes.clear();
  const auto found = visited(days, part_latency);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].latency.count(), 7u);
  EXPECT_TRUE(found[0].features.empty());
}

TEST(DayEntries, MayHaveShapesOfTheFirstDaysAlone) {
  DayEntries days;
  days.add(day_sum(0, 7));
  const Bytes first = days.shapes;
  days.add(day_sum(1, 9));
  days.shapes = first;
  const auto found = visited(days);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0], day_sum(0, 7));
  EXPECT_EQ(found[1].count, 9u);
  EXPECT_TRUE(found[1].features.empty());
}

TEST(DayEntries, EveryMutationIsRefusedOrIsDays) {
  Rng rng(3);
  DayEntries good;
  for (int day = 0; day < 5; ++day) good.add(day_sum(day, 1 + rng.below(1000)));
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    DayEntries bad = good;
    auto& value = rng.below(2) == 0 ? bad.entries : bad.shapes;
    for (std::uint64_t n = 1 + rng.below(3); n > 0; --n)
      value[rng.below(value.size())] = static_cast<std::uint8_t>(rng());
    if (rng.below(4) == 0) value.resize(rng.below(value.size()));
    refused += visit_days(bad.entries, bad.shapes, all_parts, [](TakenWindow&&) {}) ? 0 : 1;
  }
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace argosy::server
