#include "server/rollouts/core/maintenance_window.hpp"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"
#include "server/rollouts/core/policy.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using std::chrono::hours;
using std::chrono::minutes;

// "2026-11-30 22:00" on a wall; the 30th is a Monday.
WallTime wall(const std::string& text) {
  return WallTime{parse_rfc3339(text.substr(0, 10) + "T" + text.substr(11) + ":00Z").value().time_since_epoch()};
}

std::string shown(WallTime at) {
  const auto text = to_rfc3339(Instant{at.time_since_epoch()});
  return text.substr(0, 10) + " " + text.substr(11, 5);
}

Maintenance windows(const char* text) {
  return *decode_policy({{"maintenance", json::parse(text)}}).value().maintenance;
}

const char* const nights = R"({"days": ["mon", "tue"], "from": "22:00", "to": "05:00"})";

TEST(MaintenanceWindow, IsWrittenBackAsItWasRead) {
  const auto text = R"({"days":["mon","sun"],"from":"22:00","time_zone":"Europe/Berlin","to":"05:30"})";
  EXPECT_EQ(encode(windows(text)).dump(), text);
  const auto whole = R"({"days":["sat"],"from":"00:00","time_zone":"device","to":"24:00"})";
  EXPECT_EQ(encode(windows(whole)).dump(), whole);
}

TEST(MaintenanceWindow, BelongsToTheDayOnWhichItBegins) {
  const auto maintenance = windows(nights);
  EXPECT_FALSE(is_inside(maintenance, wall("2026-11-30 21:59")));
  EXPECT_TRUE(is_inside(maintenance, wall("2026-11-30 22:00")));
  EXPECT_TRUE(is_inside(maintenance, wall("2026-12-01 04:59")));
  EXPECT_FALSE(is_inside(maintenance, wall("2026-12-01 05:00")));
  EXPECT_TRUE(is_inside(maintenance, wall("2026-12-02 04:00"))) << "Tuesday's window lasts into Wednesday";
  EXPECT_FALSE(is_inside(maintenance, wall("2026-12-02 22:00"))) << "none begins on Wednesday";
  EXPECT_FALSE(is_inside(maintenance, wall("2026-11-30 04:00"))) << "none began on Sunday";
}

TEST(MaintenanceWindow, SaysWhenTheNextOpens) {
  const auto maintenance = windows(nights);
  EXPECT_EQ(shown(next_opening(maintenance, wall("2026-11-30 12:00"))), "2026-11-30 22:00");
  EXPECT_EQ(shown(next_opening(maintenance, wall("2026-11-30 23:00"))), "2026-11-30 23:00");
  EXPECT_EQ(shown(next_opening(maintenance, wall("2026-12-02 06:00"))), "2026-12-07 22:00");
}

TEST(MaintenanceWindow, TimeOutsideDoesNotCount) {
  const auto maintenance = windows(nights);
  const auto since = [&](const char* now, minutes open) {
    return shown(open_since(maintenance, wall(now), Duration{open}));
  };
  EXPECT_EQ(since("2026-12-01 01:00", hours(1)), "2026-12-01 00:00");
  EXPECT_EQ(since("2026-12-01 12:00", hours(1)), "2026-12-01 04:00") << "as it was when the window closed";
  EXPECT_EQ(since("2026-12-01 23:00", hours(3)), "2026-12-01 03:00");
  EXPECT_EQ(since("2026-12-01 23:00", hours(8)), "2026-11-30 22:00");
  EXPECT_EQ(since("2026-12-01 23:00", hours(9)), "2026-11-25 04:00") << "Tuesday night, a week before";
  EXPECT_EQ(since("2026-12-01 23:00", hours(9 + 14 * 10)), "2026-09-16 04:00");
  EXPECT_EQ(since("2026-12-01 23:00", hours(14)), "2026-11-24 23:00") << "one whole week";
}

TEST(MaintenanceWindow, EveryDayAllDayIsAlways) {
  const auto maintenance = windows(R"({"from": "00:00", "to": "24:00"})");
  for (int hour = 0; hour < 24 * 8; ++hour) EXPECT_TRUE(is_inside(maintenance, wall("2026-11-30 00:30") + hours(hour)));
  EXPECT_EQ(shown(open_since(maintenance, wall("2026-11-30 12:00"), hours(30))), "2026-11-29 06:00");
}

// Adding up the minutes one by one gives the same.
TEST(MaintenanceWindow, TheTimeInsideIsWhatIsSaid) {
  for (const char* text : {nights, R"({"days": ["wed"], "from": "01:30", "to": "02:00"})",
                           R"({"days": ["mon", "tue", "sun"], "from": "12:00", "to": "11:00"})"}) {
    const auto maintenance = windows(text);
    for (int step = 0; step < 30; ++step) {
      const auto now = wall("2026-11-30 00:00") + minutes(step * 173);
      const minutes open_for{1 + step * 7};
      const auto since = open_since(maintenance, now, Duration{open_for});
      minutes inside{};
      for (auto at = since; at < now; at += minutes{1}) inside += minutes{is_inside(maintenance, at) ? 1 : 0};
      ASSERT_EQ(inside, open_for) << text << " at " << shown(now);
    }
  }
}

TEST(MaintenanceWindow, ErrorsNameTheKeyAndTheRemedy) {
  const std::pair<const char*, const char*> table[] = {
      {R"({"to": "05:00"})", "policy.maintenance.from: is missing"},
      {R"({"from": "5:00", "to": "06:00"})", "policy.maintenance.from: must be a time of day such as 22:00"},
      {R"({"from": "24:00", "to": "06:00"})", "policy.maintenance.from: must be a time of day such as 22:00"},
      {R"({"from": "05:60", "to": "06:00"})", "policy.maintenance.from: must be a time of day such as 22:00"},
      {R"({"from": "05:00", "to": "24:01"})", "policy.maintenance.to: must be a time of day such as 22:00"},
      {R"({"from": "05:00", "to": "05:00"})",
       "policy.maintenance.to: is the same as from: a window of a whole day is from 00:00 to 24:00"},
      {R"({"from": "05:00", "to": "05:14"})", "policy.maintenance.to: is less than 15 minutes after from"},
      {R"({"from": "05:00", "to": "06:00", "days": []})",
       "policy.maintenance.days: names no day: leave it out for all"},
      {R"({"from": "05:00", "to": "06:00", "days": ["Mo"]})",
       "policy.maintenance.days: \"Mo\" is none of mon tue wed thu fri sat sun"},
      {R"({"from": "05:00", "to": "06:00", "time_zone": ""})",
       "policy.maintenance.time_zone: must be device, or a name such as Europe/Berlin"},
  };
  for (const auto& [text, error] : table) {
    const auto policy = decode_policy({{"maintenance", json::parse(text)}});
    ASSERT_FALSE(policy) << text;
    const auto field = named_field(policy.error()).value();
    EXPECT_EQ(field.field + ": " + field.message, error);
  }
}

}  // namespace
}  // namespace argosy::server
