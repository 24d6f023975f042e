#include "server/alerts/silence.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace argosy::server {
namespace {

const Instant sunday_noon = parse_rfc3339("2026-03-01T12:00:00Z").value();

std::string error_of(const std::string& body) {
  const auto silence = read_silence(body, sunday_noon);
  return silence ? "" : silence.error().message;
}

TEST(Silence, IsReadFromWhatSomebodyWants) {
  const auto silence = read_silence(R"({"filter": "labels.site = \"berlin\"", "rule": "gone_dark",
    "ends_at": "2026-03-01T14:00:00Z", "comment": "the carrier works on it"})",
                                    sunday_noon);
  ASSERT_TRUE(silence) << silence.error().message;
  EXPECT_EQ(silence->starts_at, sunday_noon);
  EXPECT_EQ(silence->match.rule, "gone_dark");
  const auto document = nlohmann::json::parse(silence_to_json(*silence));
  EXPECT_EQ(document["ends_at"], "2026-03-01T14:00:00.000Z");
  EXPECT_TRUE(document["weekly"].is_null());
}

TEST(Silence, SaysWhatIsWrong) {
  EXPECT_NE(error_of(R"({"comment": "c"})").find("ends_at"), std::string::npos);
  EXPECT_NE(error_of(R"({"ends_at": "2026-03-01T11:00:00Z", "comment": "c"})").find("is over already"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"ends_at": "2028-03-01T11:00:00Z", "comment": "c"})").find("more than a year"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"ends_at": "2026-03-01T14:00:00Z", "comment": ""})").find("comment"), std::string::npos);
  EXPECT_NE(error_of(R"({"ends_at": "2026-03-01T14:00:00Z", "comment": "c", "severity": "bad"})").find("severity"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"ends_at": "2026-03-01T14:00:00Z", "comment": "c", "filter": "site ="})").find("filter"),
            std::string::npos);
  EXPECT_NE(
      error_of(R"({"ends_at": "2026-03-01T14:00:00Z", "comment": "c", "weekly": {"from": "02:00", "to": "04:00"}})")
          .find("time_zone"),
      std::string::npos);
}

TEST(Silence, IsInEffectFromItsStartToItsEnd) {
  Silence silence;
  silence.starts_at = sunday_noon;
  silence.ends_at = sunday_noon + Duration{60'000};
  EXPECT_FALSE(is_in_effect(silence, sunday_noon - Duration{1}, {}));
  EXPECT_TRUE(is_in_effect(silence, sunday_noon, {}));
  EXPECT_FALSE(is_in_effect(silence, silence.ends_at, {}));
  silence.ended_at = sunday_noon;
  EXPECT_FALSE(is_in_effect(silence, sunday_noon, {}));
}

TEST(Silence, AMaintenanceWindowHoldsInItsHoursOfTheWeek) {
  auto silence = read_silence(R"({"ends_at": "2026-06-01T00:00:00Z", "comment": "patch night",
    "weekly": {"days": ["sun"], "from": "22:00", "to": "02:00", "time_zone": "UTC"}})",
                              sunday_noon);
  ASSERT_TRUE(silence) << silence.error().message;
  const auto holds = [&](const char* text) {
    const auto at = parse_rfc3339(text).value();
    return is_in_effect(*silence, at, WallTime{at.time_since_epoch()});
  };
  EXPECT_FALSE(holds("2026-03-01T21:59:00Z"));
  EXPECT_TRUE(holds("2026-03-01T22:00:00Z"));
  EXPECT_TRUE(holds("2026-03-02T01:59:00Z")) << "it crosses midnight";
  EXPECT_FALSE(holds("2026-03-02T02:00:00Z"));
  EXPECT_FALSE(holds("2026-03-03T23:00:00Z"));
  EXPECT_TRUE(holds("2026-03-08T23:00:00Z")) << "every week";
  EXPECT_FALSE(holds("2026-06-07T23:00:00Z")) << "until it ends";
  EXPECT_FALSE(is_in_effect(*silence, sunday_noon, std::nullopt)) << "no such zone";
}

TEST(Silence, AsksForWhatItNames) {
  const AlertFacts alert{"gone_dark", "", "critical"};
  EXPECT_TRUE(asks_for({}, alert));
  EXPECT_TRUE(asks_for({.filter = {}, .rule = "gone_dark", .model = {}, .severity = "critical"}, alert));
  EXPECT_FALSE(asks_for({.filter = {}, .rule = "drift", .model = {}, .severity = {}}, alert));
  EXPECT_FALSE(asks_for({.filter = {}, .rule = {}, .model = "digits", .severity = {}}, alert));
  EXPECT_FALSE(asks_for({.filter = {}, .rule = {}, .model = {}, .severity = "warning"}, alert));
}

}  // namespace
}  // namespace argosy::server
