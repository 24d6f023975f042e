#include "server/rollouts/core/dwell.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// Noon on a day; the clock on the wall shows the same, in UTC.
const Instant noon = instant_from_ms(20'000LL * 86'400'000 + 12 * 3'600'000);

WallTime clock_in_zone(Instant at, Duration ahead = Duration{0}) {
  return WallTime{at.time_since_epoch() + ahead};
}

// Open from 22:00 to 02:00.
Policy nightly() {
  Policy policy;
  policy.gate.bake_s = 0;
  policy.gate.max_dwell_s = 6 * 3600;
  policy.maintenance = Maintenance{.from = hours(22), .length = hours(4)};
  return policy;
}

std::vector<ZoneView> zones_at(Instant now, Duration ahead = Duration{0}) {
  return {{.zone = "UTC", .wall = clock_in_zone(now)}, {.zone = "elsewhere", .wall = clock_in_zone(now, ahead)}};
}

TEST(Dwell, WithoutWindowsAllTimeCounts) {
  Policy policy;
  EXPECT_FALSE(has_dwelt(policy, {}, noon, hours(6), noon + hours(6) - seconds(1)));
  EXPECT_TRUE(has_dwelt(policy, {}, noon, hours(6), noon + hours(6)));
}

TEST(Dwell, HoursInWhichNobodyCanBeToldDoNotCount) {
  const auto policy = nightly();
  const auto dwelt = [&](Instant now) { return longest_dwell_is_over(policy, zones_at(now), noon, now); };
  EXPECT_FALSE(dwelt(noon + hours(6)));
  EXPECT_FALSE(dwelt(noon + hours(14))) << "four hours of one night";
  EXPECT_FALSE(dwelt(noon + hours(33)));
  EXPECT_FALSE(dwelt(noon + hours(36) - seconds(1)));
  EXPECT_TRUE(dwelt(noon + hours(36))) << "two hours into the next";
}

TEST(Dwell, TheZoneThatIsLastCounts) {
  const auto policy = nightly();
  const Instant now = noon + hours(36);
  EXPECT_FALSE(longest_dwell_is_over(policy, zones_at(now, -hours(3)), noon, now)) << "it is nine in the evening there";
  const Instant later = now + hours(3);
  EXPECT_TRUE(longest_dwell_is_over(policy, zones_at(later, -hours(3)), noon, later));
  auto unknown = zones_at(now);
  unknown[1].wall.reset();
  EXPECT_TRUE(longest_dwell_is_over(policy, unknown, noon, now)) << "of a label that is no zone nothing is known";
}

}  // namespace
}  // namespace argosy::server
