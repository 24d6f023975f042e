#include "server/alerts/pair_alerts.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

const Instant begin = parse_rfc3339("2026-03-01T12:00:00Z").value();
constexpr Duration one_minute{60'000};
const WatchedPair watched{"cam-1", "digits"};

PairAlerts fresh_pair() {
  WindowMemory memory;
  memory.read_until = begin;
  const ReleaseToJudge release{"digits", "1.0", 0.94};
  return {std::make_shared<const ReleaseToJudge>(release), std::move(memory), AlertState::ok, AlertState::ok};
}

JudgedWindow window_at(int minutes, double p95_ms) {
  return {begin + minutes * one_minute, p95_ms, 100, 40, 40};
}

TEST(PairAlerts, JudgeTheSameAsIfTheirMemoryHadNeverBeenPacked) {
  auto memory = fresh_pair();
  WindowMemory plain;
  plain.read_until = begin;
  AlertState latency = AlertState::ok, accuracy = AlertState::ok;
  for (int i = 1; i <= 60; ++i) {
    const auto window = window_at(i, i > 20 && i < 30 ? 30 : 10 + i % 3);
    memory.hear("1.0", window);
    const auto judgement = memory.judge({}, watched, begin + i * one_minute);
    const auto expected = judge_windows({}, memory.served(watched), plain, {latency, "1.0"}, {accuracy, "1.0"},
                                        {window}, begin + i * one_minute);
    latency = expected.latency;
    accuracy = expected.accuracy;
    EXPECT_EQ(memory.latency(), latency) << i;
    ASSERT_EQ(judgement.findings.size(), expected.findings.size()) << i;
    for (std::size_t at = 0; at < expected.findings.size(); ++at)
      EXPECT_EQ(judgement.findings[at].message, expected.findings[at].message);
  }
  EXPECT_EQ(recent_to_json(memory.memory()), recent_to_json(plain));
  EXPECT_EQ(labels_to_json(memory.memory()), labels_to_json(plain));
  EXPECT_LT(memory.bytes(), 1000u);
}

TEST(PairAlerts, LabelsThatCameLaterCountLikeThoseAtInference) {
  TakenWindow window;
  window.labelled = 10;
  window.correct = 9;
  for (int i = 0; i < 5; ++i) window.numbers[std::string(wire::labels_later)].add(i < 2 ? 1 : 0);
  const auto judged = judged_window_of(window);
  EXPECT_EQ(judged.labelled, 15u);
  EXPECT_EQ(judged.correct, 11u);
}

TEST(PairAlerts, AWindowThatWasReadOrComesLateIsNotJudgedAgain) {
  auto memory = fresh_pair();
  memory.hear("1.0", window_at(0, 10));
  memory.hear("1.0", window_at(2, 10));
  memory.hear("1.0", window_at(2, 10));
  memory.hear("1.0", window_at(1, 10));
  memory.judge({}, watched, begin + 3 * one_minute);
  EXPECT_EQ(memory.memory().baseline.windows, 1u);
  EXPECT_TRUE(memory.is_sure);
  EXPECT_TRUE(memory.is_dirty);
}

TEST(PairAlerts, AreNotSureOfAnotherVersionNorOfALongHistory) {
  auto other_version = fresh_pair();
  other_version.hear("1.1", window_at(1, 10));
  EXPECT_FALSE(other_version.is_sure);
  auto long_history = fresh_pair();
  for (int i = 1; i <= 1000; ++i) long_history.hear("1.0", window_at(i, 10));
  EXPECT_FALSE(long_history.is_sure);
  EXPECT_LT(long_history.bytes(), 1000u) << "and nothing waits";
}

TEST(PairAlerts, FiguresOfAnAlertThatStaysAreRefreshedOnceAMinute) {
  auto memory = fresh_pair();
  for (int i = 1; i <= 10; ++i) memory.hear("1.0", window_at(i, 10));
  memory.judge({}, watched, begin + 10 * one_minute);
  int written = 0;
  for (int i = 0; i < 300; ++i) {
    memory.hear("1.0", {begin + 11 * one_minute + i * Duration{1000}, 40, 100, 0, 0});
    written += memory.judge({}, watched, begin + 11 * one_minute + i * Duration{1000}).findings.empty() ? 0 : 1;
  }
  EXPECT_EQ(memory.latency(), AlertState::firing);
  EXPECT_LE(written, 7) << "pending, firing, and one a minute";
  EXPECT_GE(written, 5);
}

TEST(ReleasesToJudge, AThresholdIsTheSameForAllWhoServeTheRelease) {
  ReleasesToJudge releases;
  const std::shared_ptr<const ReleaseToJudge> one = releases.learn("digits", "1.0", 0.9);
  const std::shared_ptr<const ReleaseToJudge> other = releases.learn("digits", "1.0", 0.95);
  EXPECT_EQ(one, other);
  EXPECT_EQ(one->accuracy_threshold, 0.95);
  releases.learn("digits", "1.1", 0.9);
  EXPECT_EQ(releases.in_use(), (std::vector<ReleasesToJudge::Name>{{"digits", "1.0"}}));
}

}  // namespace
}  // namespace argosy::server
