#include "server/rules/rule_preview.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace argosy::server {
namespace {

const Instant midnight = parse_rfc3339("2026-03-02T00:00:00Z").value();
constexpr Duration step{60'000};

Rule hot() {
  Rule rule;
  rule.name = "too_hot";
  rule.condition = Threshold{true, 90, 80};
  rule.lasts = 2 * step;
  return rule;
}

std::vector<RuleFigure> figures(std::initializer_list<double> values) {
  std::vector<RuleFigure> list;
  for (const double value : values) list.push_back({midnight + static_cast<int>(list.size()) * step, value, 1});
  return list;
}

TEST(RulePreview, TellsEachEpisodeAndHowLongItWas) {
  const auto pair = preview_pair(hot(), {midnight, midnight + 20 * step}, "cam-1", "",
                                 figures({95, 95, 95, 95, 70, 70, 91, 92, 93, 94}));
  ASSERT_EQ(pair.fired, 2u);
  EXPECT_EQ(pair.episodes[0].from, midnight + 2 * step) << "it has to last two minutes";
  EXPECT_EQ(pair.episodes[0].to, midnight + 4 * step);
  EXPECT_EQ(pair.episodes[1].from, midnight + 8 * step);
  EXPECT_FALSE(pair.episodes[1].to) << "it would fire still";
  EXPECT_EQ(pair.firing, 2 * step + 12 * step);
}

TEST(RulePreview, WhatCameBeforeTheTimeOnlyTeaches) {
  const PreviewQuestion question{midnight + 5 * step, midnight + 20 * step};
  EXPECT_EQ(preview_pair(hot(), question, "cam-1", "", figures({95, 95, 95, 95, 95, 95, 95, 95})).fired, 0u)
      << "it began before";
  EXPECT_EQ(preview_pair(hot(), question, "cam-1", "", figures({70, 70, 70, 70, 95, 95, 95})).fired, 1u);
}

TEST(RulePreview, ListsTheWorstFirstAndCountsTheRest) {
  RulePreview preview;
  preview.devices = 200;
  preview.looked = 120;
  for (std::uint64_t i = 0; i < 60; ++i) add_to(preview, {"cam-" + std::to_string(i), "", i});
  EXPECT_EQ(preview.pairs.size(), RulePreview::pairs_listed);
  EXPECT_EQ(preview.pairs.front().device, "cam-59");
  EXPECT_EQ(preview.fired, 60u * 59 / 2);
  const auto document = nlohmann::json::parse(preview_to_json(preview));
  EXPECT_EQ(document["is_sample"], true);
  EXPECT_EQ(document["items"].size(), RulePreview::pairs_listed);
}

TEST(RulePreview, ReadsAsMuchBeforeAsTheRuleLearnsFrom) {
  Rule rule = hot();
  EXPECT_EQ(learns_from(rule, midnight), midnight - 2 * step);
  rule.condition = Trend{0, 48};
  EXPECT_EQ(learns_from(rule, midnight), midnight - std::chrono::hours(48));
  rule.condition = AgainstUsual{};
  EXPECT_EQ(learns_from(rule, midnight), midnight - std::chrono::hours(7 * 24));
}

}  // namespace
}  // namespace argosy::server
