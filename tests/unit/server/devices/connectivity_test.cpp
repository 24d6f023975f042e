#include "server/devices/connectivity.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

const Instant noon = parse_rfc3339("2026-03-01T12:00:00Z").value();

Stretch minutes(int from, int to) {
  return {noon + std::chrono::minutes(from), noon + std::chrono::minutes(to)};
}

KeptSpan kept(int from, int to, Presence presence) {
  KeptSpan span;
  span.time = minutes(from, to);
  span.settled_at = span.time.from;
  span.presence = presence;
  return span;
}

// "0-10 online, 10-12 offline", in minutes since noon.
std::string text_of(const std::vector<TimelineSpan>& timeline) {
  std::string text;
  const auto minute = [](Instant at) {
    return std::to_string(std::chrono::duration_cast<std::chrono::minutes>(at - noon).count());
  };
  for (const TimelineSpan& span : timeline)
    text += (text.empty() ? "" : ", ") + minute(span.time.from) + "-" + minute(span.time.to) + " " +
            std::string(to_string(span.state));
  return text;
}

const std::vector<KeptSpan> a_morning{kept(0, 30, Presence::online), kept(30, 32, Presence::late),
                                      kept(32, 50, Presence::offline), kept(50, 60, Presence::online)};

TEST(Connectivity, ATimelineIsCutByItsRangeAndByTimeInWhichNobodyWatched) {
  struct Case {
    std::string expected;
    Stretch range;
    std::vector<Stretch> unwatched;
  };
  const std::vector<Case> cases{
      {"0-30 online, 30-32 late, 32-50 offline, 50-60 online", minutes(-60, 60), {}},
      {"10-30 online, 30-32 late, 32-40 offline", minutes(10, 40), {}},
      {"", minutes(70, 80), {}},
      {"0-5 online, 5-8 unknown, 8-30 online, 30-32 late, 32-50 offline, 50-60 online",
       minutes(0, 60),
       {minutes(5, 8)}},
      {"0-20 online, 20-55 unknown, 55-60 online", minutes(0, 60), {minutes(20, 55)}},
      {"0-60 unknown", minutes(0, 60), {minutes(-10, 100)}},
      {"0-2 online, 2-3 unknown, 3-4 online, 4-5 unknown, 5-10 online", minutes(0, 10), {minutes(2, 3), minutes(4, 5)}},
  };
  for (const Case& each : cases) EXPECT_EQ(text_of(timeline_of(a_morning, each.unwatched, each.range)), each.expected);
}

TEST(Connectivity, AvailabilityIsTheShareOfTimeThatWasWatched) {
  const auto share = [](Stretch range, const std::vector<Stretch>& unwatched) {
    return availability_of(timeline_of(a_morning, unwatched, range)).share();
  };
  EXPECT_NEAR(share(minutes(0, 60), {}).value(), 42.0 / 60, 1e-9) << "late is there";
  EXPECT_NEAR(share(minutes(-600, 60), {}).value(), 42.0 / 60, 1e-9) << "before it was seen nothing is expected";
  EXPECT_NEAR(share(minutes(0, 60), {minutes(32, 41)}).value(), 42.0 / 51, 1e-9);
  EXPECT_EQ(share(minutes(70, 80), {}), std::nullopt);
  EXPECT_EQ(share(minutes(0, 60), {minutes(0, 60)}), std::nullopt);
  EXPECT_EQ(availability_of(timeline_of(a_morning, {minutes(32, 41)}, minutes(0, 60))).unknown, 9min);
}

TEST(Connectivity, ManyChangesInOneLineKeepTheTimeThatItWasThere) {
  KeptSpan many = kept(0, 60, Presence::offline);
  many.settled_at = noon + 40min;
  many.reachable = 10min;
  many.changes = 300;
  const auto timeline = timeline_of({many}, {}, minutes(0, 60));
  EXPECT_EQ(text_of(timeline), "0-40 unsettled, 40-60 offline");
  EXPECT_EQ(timeline[0].changes, 300);
  EXPECT_NEAR(availability_of(timeline).share().value(), 10.0 / 60, 1e-9);
  EXPECT_NEAR(availability_of(timeline_of({many}, {}, minutes(20, 60))).share().value(), 5.0 / 40, 1e-9);
  EXPECT_NEAR(availability_of(timeline_of({many}, {minutes(0, 20)}, minutes(0, 60))).share().value(), 5.0 / 40, 1e-9);
}

TEST(Connectivity, CountsComeToDeviceTimeByTheHour) {
  struct Case {
    Stretch time;
    std::vector<Stretch> unwatched;
    std::vector<std::pair<int, int>> expected;  // of each hour: device-minutes reachable, expected
  };
  const std::vector<Case> cases{
      {minutes(0, 30), {}, {{90, 120}}},
      {minutes(30, 90), {}, {{90, 120}, {90, 120}}},
      {minutes(-10, 70), {}, {{30, 40}, {180, 240}, {30, 40}}},
      {minutes(0, 60), {minutes(10, 20), minutes(30, 70)}, {{60, 80}}},
      {minutes(0, 60), {minutes(0, 60)}, {}},
      {minutes(5, 5), {}, {}},
  };
  for (const Case& each : cases) {
    const auto hours = hours_of(4, 3, each.time, each.unwatched);
    ASSERT_EQ(hours.size(), each.expected.size());
    for (std::size_t place = 0; place < hours.size(); ++place) {
      EXPECT_EQ(hours[place].reachable, std::chrono::minutes(each.expected[place].first));
      EXPECT_EQ(hours[place].expected, std::chrono::minutes(each.expected[place].second));
    }
  }
  EXPECT_TRUE(hours_of(0, 0, minutes(0, 60), {}).empty());
}

}  // namespace
}  // namespace argosy::server
