#include "agent/update/download_policy.hpp"

#include <gtest/gtest.h>

namespace argosy::agent {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t mb = 1 << 20;
const Instant noon = parse_rfc3339("2026-11-23T12:00:00Z").value();  // a Monday

// A wall in Greenwich.
LocalTime wall(Instant at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  return {day.time_since_epoch().count(), static_cast<int>(std::chrono::floor<std::chrono::minutes>(at - day).count())};
}

DownloadRules rules_with(const std::vector<std::string>& windows) {
  DownloadRules rules;
  rules.windows = TimeWindows::parse(windows).value();
  return rules;
}

Ruling rule(const DownloadRules& rules, const Circumstances& seen, BlobKind kind = BlobKind::model) {
  return rule_on_download(rules, kind, seen, wall);
}

std::optional<Hold> hold_of(const Ruling& ruling) {
  const auto* hold = std::get_if<Hold>(&ruling);
  return hold == nullptr ? std::nullopt : std::optional(*hold);
}

TEST(DownloadPolicy, WithoutRulesEverythingGoes) {
  const Ruling ruling = rule({}, {noon, false, 5 * mb});
  ASSERT_TRUE(std::holds_alternative<Leave>(ruling));
  EXPECT_FALSE(std::get<Leave>(ruling).bytes);
}

TEST(DownloadPolicy, RestOfTheDaysBytesIsGranted) {
  DownloadRules rules;
  rules.bytes_per_day = 10 * mb;
  EXPECT_EQ(std::get<Leave>(rule(rules, {noon, false, 4 * mb})).bytes, 6 * mb);
  EXPECT_TRUE(may_go_on(rules, {noon, false, 10 * mb - 1}, wall));
  EXPECT_FALSE(may_go_on(rules, {noon, false, 10 * mb}, wall));
}

TEST(DownloadPolicy, SpentDayWaitsForTheNext) {
  DownloadRules rules;
  rules.bytes_per_day = 10 * mb;
  const auto hold = hold_of(rule(rules, {noon, false, 10 * mb}));
  ASSERT_TRUE(hold);
  EXPECT_EQ(hold->until, noon + 12h);
  EXPECT_EQ(hold->why,
            "the 10 MB of today are used up: waiting for the next day, 2026-11-24T00:00:00.000Z "
            "(downloads.max_mb_per_day)");
}

TEST(DownloadPolicy, ClosedWindowNamesTheNextOpening) {
  const DownloadRules rules = rules_with({"Mon-Fri 01:00-04:00"});
  const auto hold = hold_of(rule(rules, {noon, false, 0}));
  ASSERT_TRUE(hold);
  EXPECT_EQ(hold->until, noon + 13h);
  EXPECT_EQ(hold->why, "waiting for Mon-Fri 01:00-04:00, next at 2026-11-24T01:00:00.000Z (downloads.windows)");
  EXPECT_FALSE(hold_of(rule(rules, {noon + 13h, false, 0})));
  EXPECT_FALSE(may_go_on(rules, {noon, false, 0}, wall));
}

TEST(DownloadPolicy, ClockThatIsNotSetOpensNoWindow) {
  const Instant dead_battery = instant_from_ms(2 * 3'600'000);
  const auto hold = hold_of(rule(rules_with({"01:00-04:00"}), {dead_battery, false, 0}));
  ASSERT_TRUE(hold);
  EXPECT_FALSE(hold->until);
  EXPECT_EQ(hold->why, "the clock is not set, it shows 1970-01-01: waiting for the time (downloads.windows)");
  EXPECT_FALSE(hold_of(rule({}, {dead_battery, false, 0})));
}

TEST(DownloadPolicy, MeteredLinkCarriesWhatItsOwnerSays) {
  const Circumstances metered{noon, true, 0};
  const auto goes = [&](OnMetered on_metered, BlobKind kind) {
    DownloadRules rules;
    rules.on_metered = on_metered;
    return !hold_of(rule(rules, metered, kind));
  };
  for (const BlobKind kind : {BlobKind::model, BlobKind::patch, BlobKind::dataset}) {
    EXPECT_FALSE(goes(OnMetered::wait, kind));
    EXPECT_TRUE(goes(OnMetered::all, kind));
    EXPECT_EQ(goes(OnMetered::patches, kind), kind != BlobKind::model);
  }
  const auto hold = hold_of(rule({}, metered));
  EXPECT_FALSE(hold->until);
  EXPECT_EQ(hold->why, "the link is metered: downloads wait for another (downloads.on_metered)");
  EXPECT_TRUE(may_go_on({}, metered, wall));
}

TEST(DaySpent, BeginsAnewWithEachDay) {
  const std::int64_t today = wall(noon).day;
  EXPECT_EQ(as_of({today, 7}, noon, wall), (DaySpent{today, 7}));
  EXPECT_EQ(as_of({today, 7}, noon + 12h - 1ms, wall), (DaySpent{today, 7}));
  EXPECT_EQ(as_of({today, 7}, noon + 12h, wall), (DaySpent{today + 1, 0}));
}

TEST(DaySpent, ClockThatWentBackGivesNothingBack) {
  const std::int64_t today = wall(noon).day;
  EXPECT_EQ(as_of({today, 7}, noon - 48h, wall), (DaySpent{today - 2, 7}));
  EXPECT_EQ(as_of({today + 26'000, 7}, noon, wall), (DaySpent{today, 7}));  // nor does it wait for the year 2098
}

TEST(DaySpent, ClockThatIsNotSetKnowsNoDay) {
  const std::int64_t today = wall(noon).day;
  const DaySpent at_boot = as_of({today, 7}, instant_from_ms(1000), wall);
  EXPECT_EQ(at_boot, (DaySpent{today, 7}));
  EXPECT_EQ(as_of(at_boot, noon, wall), (DaySpent{today, 7}));
}

}  // namespace
}  // namespace argosy::agent
