#include "server/rules/pair_rules.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

const Instant noon = parse_rfc3339("2026-03-02T12:00:00Z").value();
constexpr Duration one_minute{60'000};
const WatchedPair board{"cam-1", ""};
const WatchedPair digits{"cam-1", "digits"};

Rule rule_of(const char* name, const char* metric, RuleCondition condition, Duration lasts = Duration{0}) {
  Rule rule;
  rule.name = name;
  rule.title = name;
  rule.metric = metric;
  rule.condition = condition;
  rule.lasts = lasts;
  return rule;
}

const Rule too_hot = rule_of("too_hot", "health.cpu_temperature_c", Threshold{true, 90, 80}, 2 * one_minute);
const Rule slow = rule_of("slow", "latency_p95", Threshold{true, 100, 50});
const Rule tripled = rule_of("tripled", "latency_p95", AgainstUsual{3, 6, 1.5});

TakenHealth health_at(int minutes, double celsius) {
  TakenHealth health{"cam-1", noon + minutes * one_minute, {}};
  health.sample.cpu_temperature_c = celsius;
  return health;
}

TakenWindow window_at(int minutes, double latency_ms, const char* version = "1.0") {
  TakenWindow window{.device = "cam-1", .model = "digits", .version = version};
  window.started_at = noon + minutes * one_minute;
  window.ended_at = window.started_at + one_minute;
  window.count = 100;
  for (int i = 0; i < 100; ++i) window.latency.add(latency_ms);
  return window;
}

std::string story(const std::vector<AlertFinding>& findings) {
  std::string text;
  for (const auto& finding : findings)
    text += (text.empty() ? "" : " ") + finding.rule + ":" + std::string(to_string(finding.state));
  return text;
}

TEST(PairRules, FindWhatMoves) {
  const RuleTable table({{1, too_hot}});
  PairRules memory;
  std::string heard;
  int minutes = 0;
  for (const double celsius : {70.0, 95.0, 95.0, 95.0, 85.0, 79.0, 70.0}) {
    memory.hear(table, board, health_at(++minutes, celsius));
    const auto findings = memory.take_findings(table, board, noon + minutes * one_minute);
    heard += "|" + story(findings);
    if (minutes == 4) {
      ASSERT_EQ(findings.size(), 1u);
      EXPECT_EQ(findings[0].message, "cam-1: health.cpu_temperature_c is 95 °C (limit 90 °C)");
    }
  }
  EXPECT_EQ(heard, "||||too_hot:firing|too_hot:firing|too_hot:ok|") << "a firing one has its figure refreshed";
}

TEST(PairRules, AreForTheDevicesOfTheirFilterAlone) {
  Rule of_site = too_hot;
  of_site.filter = "labels.site = \"north\"";
  of_site.lasts = Duration{0};
  const RuleTable table({{7, of_site}});
  PairRules elsewhere, there;
  there.set_scope({table.scopes(), noon, {7}});
  elsewhere.set_scope({table.scopes(), noon, {}});
  for (auto* memory : {&elsewhere, &there}) memory->hear(table, board, health_at(1, 99));
  EXPECT_EQ(story(elsewhere.take_findings(table, board, noon)), "");
  EXPECT_EQ(story(there.take_findings(table, board, noon)), "too_hot:firing");
  there.set_scope({table.scopes(), noon, {}});
  EXPECT_EQ(story(there.take_findings(table, board, noon)), "too_hot:ok") << "the device has moved";
}

TEST(PairRules, ComeBackFromWhatIsKept) {
  const RuleTable table({{1, too_hot}, {2, rule_of("disk", "health.disk_free_mb", Trend{0, 24})}});
  PairRules memory;
  memory.hear(table, board, health_at(1, 95));
  PairRules later(table, memory.kept(), {}, {});
  later.hear(table, board, health_at(1, 95));
  later.hear(table, board, health_at(2, 95));
  EXPECT_EQ(story(later.take_findings(table, board, noon)), "");
  later.hear(table, board, health_at(3, 95));
  EXPECT_EQ(story(later.take_findings(table, board, noon)), "too_hot:firing") << "it has lasted since before";
}

TEST(PairRules, AlertsKnowBestWhichFire) {
  const RuleTable table({{1, too_hot}});
  PairRules hot;
  for (int i = 1; i <= 3; ++i) hot.hear(table, board, health_at(i, 95));
  PairRules ended_by_hand(table, hot.kept(), {}, {});
  ended_by_hand.hear(table, board, health_at(4, 70));
  EXPECT_EQ(story(ended_by_hand.take_findings(table, board, noon)), "");
  PairRules after_a_crash(table, {}, {}, {"too_hot"});
  after_a_crash.hear(table, board, health_at(4, 70));
  EXPECT_EQ(story(after_a_crash.take_findings(table, board, noon)), "too_hot:ok");
}

TEST(PairRules, AWindowThatWasHeardOrComesLateIsNotJudgedAgain) {
  const RuleTable table({{1, slow}});
  PairRules memory;
  memory.hear(table, digits, window_at(5, 20));
  memory.hear(table, digits, window_at(4, 500));
  memory.hear(table, digits, window_at(5, 500));
  EXPECT_EQ(story(memory.take_findings(table, digits, noon)), "");
  memory.hear(table, digits, window_at(6, 500));
  EXPECT_EQ(story(memory.take_findings(table, digits, noon)), "slow:firing");
}

TEST(PairRules, AnotherVersionHasAnotherUsualLatency) {
  const RuleTable table({{1, tripled}});
  PairRules memory;
  for (int i = 1; i <= 20; ++i) memory.hear(table, digits, window_at(i, 10));
  for (int i = 21; i <= 23; ++i) memory.hear(table, digits, window_at(i, 40));
  EXPECT_EQ(story(memory.take_findings(table, digits, noon)), "tripled:firing");
  for (int i = 24; i <= 60; ++i) memory.hear(table, digits, window_at(i, 40, "2.0"));
  EXPECT_EQ(story(memory.take_findings(table, digits, noon + 2 * one_minute)), "tripled:ok");
}

TEST(PairRules, ARuleThatIsGoneLeavesNothing) {
  const RuleTable before({{1, rule_of("disk", "health.disk_free_mb", Trend{0, 24})}});
  PairRules memory;
  TakenHealth health = health_at(1, 50);
  health.sample.disk_free_mb = 1000;
  memory.hear(before, board, health);
  EXPECT_NE(memory.kept().progress, "");
  EXPECT_EQ(story(memory.take_findings(RuleTable{}, board, noon)), "");
  EXPECT_EQ(memory.kept().progress, "");
}

TEST(PairRules, OfADeviceWithoutTroubleNextToNothingIsRemembered) {
  const RuleTable table({{1, too_hot}, {2, rule_of("memory", "health.memory_used_percent", Threshold{true, 95, 90})}});
  PairRules memory;
  for (int i = 1; i <= 100; ++i) memory.hear(table, board, health_at(i, 60));
  EXPECT_LT(memory.bytes(), 400u);
  EXPECT_FALSE(memory.is_dirty) << "and nothing is written of it";
}

TEST(RuleTable, MakesItsFiguresOfWhatASampleHas) {
  const RuleTable table({{1, rule_of("memory", "health.memory_used_percent", Threshold{})},
                         {2, rule_of("clock", "health.clock_error_ms", Threshold{})}});
  TakenHealth health = health_at(1, 50);
  health.sample.memory_used_mb = 300;
  EXPECT_FALSE(figure_in(*table.find(1), health)) << "without its whole";
  health.sample.memory_total_mb = 400;
  health.sample.clock_offset_ms = -7000;
  EXPECT_DOUBLE_EQ(figure_in(*table.find(1), health)->value, 75);
  EXPECT_DOUBLE_EQ(figure_in(*table.find(2), health)->value, 7000);
}

TEST(RuleTable, LeavesOutWhatIsDisabledOrJudgedElsewhere) {
  Rule disabled = slow;
  disabled.is_enabled = false;
  const RuleTable table({{1, disabled}, {2, *shipped_rule("drift")}, {3, slow}});
  EXPECT_EQ(table.of_windows().size(), 1u);
  EXPECT_EQ(table.find(1), nullptr);
  EXPECT_EQ(table.scopes(), RuleTable{}.scopes());
}

}  // namespace
}  // namespace argosy::server
