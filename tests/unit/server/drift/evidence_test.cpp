#include "server/drift/evidence.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/stats/bins.hpp"

namespace argosy::server {
namespace {

const Instant start = parse_rfc3339("2026-03-01T12:00:00Z").value();
constexpr Duration a_minute{60'000};
const JudgedReference two_features = judged_reference({{"level", {1, 2}, {50, 50, 50, 0}}, {"rare", {1}, {50, 50, 0}}});
const EvidenceRule day_of_a_day{};
const ContractRule any_contract;

HeardWindow window_at(int minutes, HistogramCounts level, HistogramCounts rare = {}) {
  HeardWindow window{start + minutes * a_minute, a_minute, 60,
                     std::vector<HistogramCounts>(two_features->features.size())};
  window.counts[0] = std::move(level);
  window.counts[1] = std::move(rare);
  return window;
}

Evidence fed(int from, int to, const HistogramCounts& level) {
  Evidence evidence(day_of_a_day, two_features);
  for (int i = from; i < to; i += 10) evidence.add_newer(any_contract, window_at(i, level));
  return evidence;
}

TEST(Evidence, HoldsTheLastDayHoweverManySamplesItHas) {
  auto evidence = fed(0, 1440, {5, 0, 0, 0});
  EXPECT_EQ(evidence.present("level"), (HistogramCounts{720, 0, 0, 0}));
  for (int i = 1440; i < 2880; i += 10) evidence.add_newer(any_contract, window_at(i, {0, 7, 0, 0}));
  const auto present = evidence.present("level");
  EXPECT_LE(present[0], 120u) << "one block more at most";
  EXPECT_EQ(present[1], 7u * 144);
  EXPECT_EQ(evidence.present("rare"), (HistogramCounts{0, 0, 0}));
  EXPECT_TRUE(evidence.present("unknown").empty());
}

TEST(Evidence, SamplesThatFollowEachOtherCloselyCountAsOne) {
  Evidence evidence(day_of_a_day, two_features);
  evidence.add_newer(any_contract, window_at(0, {300, 0, 0, 0}));
  EXPECT_EQ(evidence.independent_samples(300), 1);
  evidence.add_newer(any_contract, window_at(60, {300, 0, 0, 0}));
  EXPECT_EQ(evidence.independent_samples(600), 2);
  EXPECT_EQ(evidence.independent_samples(1), 1);
}

TEST(Evidence, TheFirstDaysAreWhatLeftTheRollingHistogramUntilTheyAreFull) {
  auto evidence = fed(0, 8 * 1440 - 600, {1, 0, 0, 0});
  EXPECT_FALSE(evidence.has_own());
  EXPECT_TRUE(evidence.own_at(0).empty());
  for (int i = 8 * 1440 - 600; i < 12 * 1440; i += 10) evidence.add_newer(any_contract, window_at(i, {0, 1, 0, 0}));
  ASSERT_TRUE(evidence.has_own());
  const auto own = evidence.own_at(0);
  EXPECT_GT(own[0], 900u);
  EXPECT_LT(own[1], 100u) << "what came later does not count";
  EXPECT_EQ(evidence.present("level")[0], 0u);
}

TEST(Evidence, IsBoundedHoweverSmallTheWindowsAre) {
  Evidence evidence(day_of_a_day, two_features);
  for (int i = 0; i < 100'000; ++i) {
    auto window = window_at(0, {1, 0, 0, 0});
    window.started_at = start + i * Duration{20'000};
    evidence.add_newer(any_contract, window);
  }
  EXPECT_LT(evidence.pack().size(), 300u);
}

TEST(Evidence, ReadsBackwardsUntilItHasADay) {
  Evidence evidence(day_of_a_day, two_features);
  EXPECT_TRUE(evidence.wants_older());
  for (int i = 1440; i > 0; i -= 10) {
    EXPECT_TRUE(evidence.wants_older()) << i;
    evidence.add_older(window_at(i, {0, 1, 0, 0}));
  }
  evidence.add_older(window_at(0, {0, 1, 0, 0}));
  EXPECT_FALSE(evidence.wants_older());
  EXPECT_EQ(evidence.present("level"), (HistogramCounts{0, 145, 0, 0}));
}

TEST(Evidence, AnotherVersionEndsIt) {
  auto evidence = fed(0, 1440, {5, 0, 0, 0});
  evidence.begin_again();
  evidence.add_newer(any_contract, window_at(1440, {0, 5, 0, 0}));
  EXPECT_EQ(evidence.present("level"), (HistogramCounts{0, 5, 0, 0}));
  EXPECT_FALSE(evidence.wants_older());
}

TEST(Evidence, GatheredAnewItKeepsItsFirstDaysAndVotes) {
  auto evidence = fed(0, 12 * 1440, {1, 0, 0, 0});
  const auto own = evidence.own_at(0);
  evidence.vote(0, true);
  evidence.gather_anew();
  EXPECT_TRUE(evidence.wants_older());
  EXPECT_EQ(evidence.own_at(0), own);
  EXPECT_EQ(evidence.votes(0), 1);
  EXPECT_EQ(total_of(evidence.present("level")), 0u);
}

TEST(Evidence, OnlyTheLastEightVotesCount) {
  Evidence evidence(day_of_a_day, two_features);
  for (int i = 0; i < 20; ++i) evidence.vote(0, i < 15);
  EXPECT_EQ(evidence.votes(0), 3);
  EXPECT_EQ(evidence.hours_voted(0), 8);
  EXPECT_EQ(evidence.votes(1), 0);
  EXPECT_TRUE(evidence.begin_hour(start));
  EXPECT_FALSE(evidence.begin_hour(start + 59 * a_minute));
  EXPECT_TRUE(evidence.begin_hour(start + 60 * a_minute));
}

TEST(Evidence, ComesBackFromWhereItIsWritten) {
  auto evidence = fed(0, 12 * 1440, {3, 1, 0, 2});
  evidence.vote(0, true);
  (void)evidence.begin_hour(start);
  Evidence restored(day_of_a_day, two_features);
  ASSERT_TRUE(restored.restore(evidence.to_json(), *evidence.newest()));
  EXPECT_EQ(restored.to_json(), evidence.to_json());
  EXPECT_EQ(restored.present("level"), evidence.present("level"));
  EXPECT_EQ(restored.own_at(0), evidence.own_at(0));
  EXPECT_EQ(restored.votes(0), 1);
}

TEST(Evidence, WhatIsNotOursIsNotRestored) {
  const auto evidence = fed(0, 100, {3, 1, 0, 2});
  const auto text = evidence.to_json();
  Evidence other(day_of_a_day,
                 judged_reference({{"level", {1, 2, 3}, {50, 50, 50, 0, 0}}, {"rare", {1}, {50, 50, 0}}}));
  EXPECT_FALSE(other.restore(text, *evidence.newest()));
  Evidence same(day_of_a_day, two_features);
  auto earlier = nlohmann::json::parse(text);
  earlier["format"] = earlier["format"].get<int>() - 1;
  for (const std::string& bad : {std::string("{\"features\": 7}"), std::string("[]"), std::string(""), earlier.dump(),
                                 text.substr(0, text.size() - 30) + "\"}", std::string("{\"packed\": \"////\"}")}) {
    EXPECT_FALSE(same.restore(bad, *evidence.newest())) << bad;
    EXPECT_EQ(total_of(same.present("level")), 0u);
  }
  EXPECT_FALSE(same.restore(text, *evidence.newest() + a_minute)) << "another row's";
  EXPECT_TRUE(same.restore(text, *evidence.newest()));
}

}  // namespace
}  // namespace argosy::server
