#include "server/drift/pair_drift.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

const Instant begin = parse_rfc3339("2026-03-01T12:00:00Z").value();
constexpr Duration one_minute{60'000};
const WatchedPair watched{"cam-1", "digits"};
const JudgedReference reference =
    judged_reference({{"level", {1, 2, 3}, {0, 500, 500, 0, 0}}, {"rare", {1}, {50, 50, 0}}});
const DriftRules pair_rules;

PairDrift pair_of(const std::shared_ptr<JudgedRelease>& release) {
  Evidence evidence(pair_rules.evidence, release->reference);
  evidence.has_no_older();
  const std::vector<KnownVerdict> known(release->reference->features.size(),
                                        KnownVerdict{"1.0", DriftVerdictKind::waiting, 0, begin});
  return {release, evidence, known, begin};
}

TakenWindow window_at(Instant at, const HistogramCounts& level, const std::string& version = "1.0") {
  TakenWindow window;
  window.device = watched.device;
  window.model = watched.model;
  window.version = version;
  window.started_at = at;
  window.ended_at = at + one_minute;
  window.count = 60;
  window.features = {{"other", {1, 2}}, {"level", level}};
  return window;
}

const HistogramCounts clean{0, 1, 1, 0, 0};
const HistogramCounts dirty{0, 3, 0, 0, 0};

// A device whose peers stay as they are.
struct OneOfMany {
  JudgedReleases releases;
  std::shared_ptr<JudgedRelease> release = releases.learn({"digits", "1.0"}, reference);
  PairDrift memory = pair_of(release);
  int detected = 0, cleared = 0, minutes = 0;
  std::vector<DriftVerdict> newest;

  // `peers_too`: they move as the device does.
  void feed(int hours, const HistogramCounts& counts, bool peers_too = false) {
    for (int i = 0; i < 12 * hours; ++i) {
      minutes += 5;
      const Instant now = begin + minutes * one_minute;
      const auto hour = to_ms(now) / pair_rules.evidence.hour().count();
      if (minutes % 60 == 0) {
        DriftMeasures shown;
        shown.psi = 0.01;
        if (peers_too) shown = compare(memory.evidence(pair_rules), 0)->measures;
        for (int peer = 0; peer < 20; ++peer) {
          for (const auto against : {Against::own, Against::training})
            release->peers.hear(hour, {0, against, shown.shift, shown.psi, peers_too});
        }
      }
      memory.hear(pair_rules, window_at(now, counts), now);
      const auto judged = memory.judge(pair_rules, watched, now);
      ASSERT_TRUE(judged);
      newest = judged->verdicts;
      for (const auto& verdict : newest) {
        detected += verdict.is_drifted() && !verdict.was_drifted ? 1 : 0;
        cleared += !verdict.is_drifted() && verdict.was_drifted ? 1 : 0;
      }
    }
  }
};

TEST(PairDrift, FindsADirtyLensFromMemoryOnceAndItsEnd) {
  OneOfMany device;
  device.feed(9 * 24, clean);
  EXPECT_EQ(device.detected, 0);
  device.feed(36, dirty);
  EXPECT_EQ(device.detected, 1);
  device.feed(48, clean);
  EXPECT_EQ(device.detected, 1);
  EXPECT_EQ(device.cleared, 1);
}

TEST(PairDrift, WhatAllSeeIsASeasonAndNobodysFault) {
  OneOfMany device;
  device.feed(9 * 24, clean);
  device.feed(72, dirty, true);
  EXPECT_EQ(device.detected, 0);
}

TEST(PairDrift, HoweverManyWindowsComeBetweenTwoJudgementsItStaysSmallAndSure) {
  JudgedReleases releases;
  auto memory = pair_of(releases.learn({"digits", "1.0"}, reference));
  std::size_t most_bytes = 0;
  for (int i = 1; i <= 500; ++i) {
    const Instant now = begin + i * Duration{300};
    memory.hear(pair_rules, window_at(now, clean), now);
    most_bytes = std::max(most_bytes, memory.bytes());
  }
  EXPECT_TRUE(memory.is_sure);
  EXPECT_LT(most_bytes, 2000u);
  ASSERT_TRUE(memory.judge(pair_rules, watched, begin + 3 * one_minute));
  EXPECT_EQ(memory.evidence(pair_rules).present("level"), (HistogramCounts{0, 500, 500, 0, 0}));
  EXPECT_TRUE(memory.judge(pair_rules, watched, begin + 3 * one_minute)->verdicts.empty()) << "nothing was heard since";
}

TEST(PairDrift, AWindowThatComesLateOrIsOfAnotherVersionHasToBeReadFromTheDatabase) {
  JudgedReleases releases;
  const auto release = releases.learn({"digits", "1.0"}, reference);
  auto late = pair_of(release);
  late.hear(pair_rules, window_at(begin + 2 * one_minute, clean), begin);
  EXPECT_TRUE(late.is_sure);
  late.hear(pair_rules, window_at(begin + one_minute, clean), begin);
  EXPECT_FALSE(late.is_sure);
  auto other = pair_of(release);
  other.hear(pair_rules, window_at(begin + one_minute, clean, "1.1"), begin);
  EXPECT_FALSE(other.is_sure);
  auto ancient = pair_of(release);
  ancient.hear(pair_rules, window_at(begin - 25 * 60 * one_minute, clean), begin);
  EXPECT_TRUE(ancient.is_sure) << "nothing that is judged any more";
}

TEST(PairDrift, AReleaseWithAnotherReferenceIsMeasuredAnew) {
  JudgedReleases releases;
  const auto release = releases.learn({"digits", "1.0"}, reference);
  auto memory = pair_of(release);
  EXPECT_EQ(releases.learn({"digits", "1.0"},
                           judged_reference({{"level", {1, 2, 3}, {0, 500, 500, 0, 0}}, {"rare", {1}, {50, 50, 0}}})),
            release);
  releases.learn({"digits", "1.0"}, judged_reference({{"level", {1, 2, 3}, {7, 500, 500, 0, 0}}}));
  EXPECT_FALSE(memory.judge(pair_rules, watched, begin));
  memory.hear(pair_rules, window_at(begin + one_minute, clean), begin);
  EXPECT_FALSE(memory.is_sure);
}

TEST(PairDrift, PredictionsAreComparedWithTheFirstDaysToo) {
  JudgedReleases releases;
  const auto release = releases.learn({"digits", "1.0"}, judged_reference({}));
  auto memory = pair_of(release);
  std::vector<DriftVerdict> said;
  for (int i = 1; i <= 10 * 288; ++i) {
    const Instant now = begin + 5 * i * one_minute;
    auto window = window_at(now, clean);
    const bool is_other = i > 9 * 288;
    window.classes = {{is_other ? 1 : 0, 10}, {2, 10}};
    memory.hear(pair_rules, window, now);
    auto judged = memory.judge(pair_rules, watched, now);
    ASSERT_TRUE(judged);
    for (auto& verdict : judged->verdicts) said.push_back(std::move(verdict));
  }
  ASSERT_FALSE(said.empty());
  EXPECT_EQ(said.back().feature, class_feature);
  EXPECT_EQ(said.back().said.kind, DriftVerdictKind::moved);
  EXPECT_EQ(said.back().said.against, Against::own);
  EXPECT_EQ(said.back().said.scope, DriftScope::unknown) << "it has no peers";
}

// What was given to the server before references were looked at.
TEST(PairDrift, AReferenceThatWillNotDoGivesNoVerdict) {
  std::vector<std::uint64_t> constant(66), two(66), empty(6), three{0, 2, 1, 0, 0};
  std::vector<double> edges;
  for (int i = 0; i < 64; ++i) edges.push_back(i);
  constant[2] = 200;
  two[2] = two[40] = 100;
  const auto odd = judged_reference({{"constant", edges, constant},
                                     {"two", edges, two},
                                     {"empty", {0, 1, 2, 3}, empty},
                                     {"three", {1, 2, 3}, three}});
  JudgedReleases releases;
  const auto release = releases.learn({"digits", "1.0"}, odd);
  auto memory = pair_of(release);
  std::map<std::string, DriftVerdictKind> said;
  for (int i = 1; i <= 1440; ++i) {
    const Instant now = begin + i * one_minute;
    auto window = window_at(now, clean);
    std::vector<std::uint64_t> one(66), other(66);
    one[2] = 1;
    other[i % 2 == 0 ? 2 : 40] = 1;
    window.features = {{"constant", one}, {"two", other}, {"empty", {1, 0, 0, 0, 0, 0}}, {"three", {1, 0, 0, 0, 0}}};
    memory.hear(pair_rules, window, now);
    const auto judged = memory.judge(pair_rules, watched, now);
    ASSERT_FALSE(judged->breaches && !judged->breaches->empty()) << describe_breach(*odd, judged->breaches->front());
    for (const auto& verdict : judged->verdicts) said[verdict.feature] = verdict.said.kind;
  }
  EXPECT_EQ(said["constant"], DriftVerdictKind::stable);
  EXPECT_EQ(said["two"], DriftVerdictKind::stable);
  EXPECT_EQ(said["empty"], DriftVerdictKind::waiting);
  EXPECT_EQ(said["three"], DriftVerdictKind::waiting);
}

}  // namespace
}  // namespace argosy::server
