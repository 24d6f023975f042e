#include "server/drift/pair_drift.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

const Instant begin = parse_rfc3339("2026-03-01T12:00:00Z").value();
constexpr Duration one_minute{60'000};
const WatchedPair watched{"cam-1", "digits"};
const std::vector<wire::FeatureReference> features{{"level", {1, 2, 3}, {0, 500, 500, 0, 0}}, {"rare", {1}, {5, 5, 0}}};
const DriftRules rules{{.samples = 400}, {}};

PairDrift pair_of(std::shared_ptr<const ReferenceToJudge> reference) {
  Evidence evidence(rules.evidence, reference->features);
  evidence.has_no_older();
  const std::vector<KnownVerdict> known(reference->features.size(), KnownVerdict{"1.0", false, 0, 0, begin});
  return {std::move(reference), evidence, known, begin};
}

PairDrift pair_of(ReferencesToJudge& references) {
  return pair_of(references.learn({"digits", "1.0"}, features));
}

std::vector<wire::FeatureCounts> counts(bool is_dirty) {
  return {{"other", {1, 2}}, {"level", is_dirty ? HistogramCounts{50, 0, 0, 0, 0} : HistogramCounts{0, 25, 25, 0, 0}}};
}

TEST(PairDrift, FindsDriftFromMemoryOnceAndItsEnd) {
  ReferencesToJudge references;
  auto memory = pair_of(references);
  int detected = 0, cleared = 0;
  Evidence expected(rules.evidence, features);
  for (int i = 1; i <= 40; ++i) {
    const Instant now = begin + i * one_minute;
    memory.hear(rules, "1.0", now, counts(i > 10 && i <= 25), now);
    EvidenceWindow window{now};
    for (const auto& feature : counts(i > 10 && i <= 25)) window.features[feature.name] = feature.counts;
    expected.add_newer(window);
    const auto verdicts = memory.judge(rules, watched, now);
    ASSERT_TRUE(verdicts);
    for (const auto& verdict : *verdicts) {
      detected += verdict.drifted && !verdict.was_drifted ? 1 : 0;
      cleared += !verdict.drifted && verdict.was_drifted ? 1 : 0;
      const bool has_moved = verdict.drifted != verdict.was_drifted;
      EXPECT_TRUE(!has_moved || verdict.measures.jensen_shannon > 0) << "all measures are told";
    }
  }
  EXPECT_EQ(detected, 1);
  EXPECT_EQ(cleared, 1);
  EXPECT_EQ(memory.evidence(rules).present("level"), expected.present("level"));
}

TEST(PairDrift, HoweverManyWindowsComeBetweenTwoJudgementsItStaysSmallAndSure) {
  ReferencesToJudge references;
  auto memory = pair_of(references);
  Evidence expected(rules.evidence, features);
  std::size_t most_bytes = 0;
  for (int i = 1; i <= 500; ++i) {
    const Instant now = begin + i * Duration{300};
    memory.hear(rules, "1.0", now, counts(i > 400), now);
    EvidenceWindow window{now};
    for (const auto& feature : counts(i > 400)) window.features[feature.name] = feature.counts;
    expected.add_newer(window);
    most_bytes = std::max(most_bytes, memory.bytes());
  }
  EXPECT_TRUE(memory.is_sure);
  EXPECT_LT(most_bytes, 2000u);
  const auto verdicts = memory.judge(rules, watched, begin + one_minute);
  ASSERT_TRUE(verdicts);
  ASSERT_FALSE(verdicts->empty());
  EXPECT_TRUE(verdicts->front().drifted);
  EXPECT_EQ(memory.evidence(rules).present("level"), expected.present("level"));
  EXPECT_TRUE(memory.judge(rules, watched, begin + one_minute)->empty()) << "nothing was heard since";
}

TEST(PairDrift, AWindowThatComesLateOrIsOfAnotherVersionHasToBeReadFromTheDatabase) {
  ReferencesToJudge references;
  auto late = pair_of(references);
  late.hear(rules, "1.0", begin + 2 * one_minute, counts(false), begin);
  EXPECT_TRUE(late.is_sure);
  late.hear(rules, "1.0", begin + one_minute, counts(false), begin);
  EXPECT_FALSE(late.is_sure);
  auto other = pair_of(references);
  other.hear(rules, "1.1", begin + one_minute, counts(false), begin);
  EXPECT_FALSE(other.is_sure);
  auto ancient = pair_of(references);
  ancient.hear(rules, "1.0", begin - 25 * 60 * one_minute, counts(false), begin);
  EXPECT_TRUE(ancient.is_sure) << "nothing that is judged any more";
}

TEST(PairDrift, WhatIsNoiseIsWrittenWithThePairAlone) {
  ReferencesToJudge references;
  auto memory = pair_of(references);
  const auto written_at = [&](int minutes, std::uint64_t shift) {
    const Instant now = begin + minutes * one_minute;
    memory.hear(rules, "1.0", now, {{"level", {0, 500 - shift, 500 + shift, 0, 0}}}, now);
    return !memory.judge(rules, watched, now)->empty();
  };
  memory.write_at = begin + 20 * one_minute;
  EXPECT_TRUE(written_at(1, 0)) << "it has its samples";
  EXPECT_FALSE(written_at(2, 50));
  EXPECT_FALSE(written_at(3, 0));
  EXPECT_TRUE(written_at(4, 400)) << "it has drifted";
  EXPECT_FALSE(written_at(5, 410));
  EXPECT_TRUE(written_at(20, 390)) << "the pair is written";
}

TEST(PairDrift, AReleaseWithAnotherReferenceIsMeasuredAnew) {
  ReferencesToJudge references;
  auto memory = pair_of(references);
  const auto same = references.learn({"digits", "1.0"}, features);
  EXPECT_EQ(&memory.reference(), same.get());
  auto changed = features;
  changed[0].counts[1] = 7;
  references.learn({"digits", "1.0"}, changed);
  EXPECT_FALSE(memory.judge(rules, watched, begin));
  memory.hear(rules, "1.0", begin + one_minute, counts(false), begin);
  EXPECT_FALSE(memory.is_sure);
}

TEST(PairDrift, OfAReleaseWithoutAReferenceThereIsNothingToJudge) {
  ReferencesToJudge references;
  auto memory = pair_of(references.learn({"digits", "1.0"}, {}));
  memory.hear(rules, "1.0", begin + one_minute, counts(true), begin);
  const auto verdicts = memory.judge(rules, watched, begin + one_minute);
  ASSERT_TRUE(verdicts);
  EXPECT_TRUE(verdicts->empty());
  EXPECT_FALSE(memory.is_dirty);
}

}  // namespace
}  // namespace argosy::server
