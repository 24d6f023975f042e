#include "server/alerts/window_memory.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

const Instant start = parse_rfc3339("2026-03-01T12:00:00Z").value();
constexpr Duration minute{60'000};
const ServedVersion served{"cam-1", "digits", "1.0", 0.94};

std::vector<JudgedWindow> windows(int from, int count, double p95_ms, std::uint64_t labelled = 0,
                                  std::uint64_t correct = 0) {
  std::vector<JudgedWindow> of;
  for (int i = 0; i < count; ++i) of.push_back({start + (from + i) * minute, p95_ms, 100, labelled, correct});
  return of;
}

AlertState last_state(const WindowJudgement& judgement, const BuiltInRule& rule) {
  return rule.name == built_in::latency_doubled.name ? judgement.latency : judgement.accuracy;
}

TEST(WindowMemory, JudgesTheSameInOneLookAsInMany) {
  auto all = windows(0, 20, 10);
  for (auto& window : windows(20, 5, 30)) all.push_back(window);
  WindowMemory at_once;
  const auto findings = judge_windows({}, served, at_once, {}, {}, all, start);
  WindowMemory one_by_one;
  AlertState state = AlertState::ok;
  for (const auto& window : all) {
    WindowMemory restored = one_by_one;
    remember_recent(restored, recent_to_json(one_by_one));
    remember_labels(restored, labels_to_json(one_by_one));
    state =
        last_state(judge_windows({}, served, restored, {state, "1.0"}, {}, {window}, start), built_in::latency_doubled);
    one_by_one = restored;
  }
  EXPECT_EQ(state, AlertState::firing);
  EXPECT_EQ(state, last_state(findings, built_in::latency_doubled));
  EXPECT_DOUBLE_EQ(at_once.baseline.ln_p95_mean, one_by_one.baseline.ln_p95_mean);
  EXPECT_EQ(recent_to_json(at_once), recent_to_json(one_by_one));
}

TEST(WindowMemory, RemembersADozenWindowsAndAFewRunsOfLabels) {
  WindowMemory memory;
  for (int i = 0; i < 2000; ++i) judge_windows({}, served, memory, {}, {}, windows(i, 1, 10, 1, 1), start + i * minute);
  EXPECT_EQ(memory.recent.size(), 10u);
  std::uint64_t labels = 0;
  for (const auto& run : memory.labels) labels += run.labels.labelled;
  EXPECT_GE(labels, 200u);
  EXPECT_LE(labels, 225u);
  EXPECT_LT(labels_to_json(memory).size() + recent_to_json(memory).size(), 1000u);
}

TEST(WindowMemory, AccuracyIsThatOfTheNewestLabels) {
  WindowMemory memory;
  judge_windows({}, served, memory, {}, {}, windows(0, 10, 10, 40, 20), start);
  const auto findings =
      judge_windows({}, served, memory, {}, {AlertState::firing, "1.0"}, windows(10, 5, 10, 40, 40), start);
  EXPECT_EQ(last_state(findings, built_in::accuracy_low), AlertState::ok);
}

// Two healthy devices of the demo: 91 % of the first 205 labels, where the true share is 94.5 %.
TEST(WindowMemory, AnUnluckyFirstMinuteIsNoAlert) {
  WindowMemory memory;
  for (const std::uint64_t correct : {18, 19, 18, 17, 19, 18, 18, 19, 18, 18})
    EXPECT_EQ(judge_windows({}, served, memory, {}, {}, windows(0, 1, 10, 20, correct), start).accuracy,
              AlertState::ok);
}

TEST(WindowMemory, AFallIsFoundWhereverTheServerRestartsOnTheWay) {
  WindowMemory memory;
  AlertState state = AlertState::ok;
  int hours = 0;
  for (int i = 0; i < 100; ++i) {
    WindowMemory restored;
    remember_labels(restored, labels_to_json(memory));
    remember_falls(restored, falls_to_json(memory));
    EXPECT_EQ(restored.falls.state(), memory.falls.state());
    memory = restored;
    const std::uint64_t correct = i < 50 ? 20 : 16;
    state = judge_windows({}, served, memory, {}, {state, "1.0"}, windows(60 * i, 1, 10, 20, correct), start).accuracy;
    if (i < 50) {
      EXPECT_EQ(state, AlertState::ok) << i;
    }
    if (i >= 50 && state == AlertState::ok) ++hours;
  }
  EXPECT_EQ(state, AlertState::firing);
  EXPECT_LT(hours, 12);
}

TEST(WindowMemory, LabelsOfLastWeekAreForgotten) {
  WindowMemory memory;
  judge_windows({}, served, memory, {}, {}, windows(0, 2, 10, 40, 20), start);
  judge_windows({}, served, memory, {}, {}, {}, start + 25 * 60 * minute);
  EXPECT_EQ(memory.labels.size(), 2u) << "so few that those of yesterday count";
  judge_windows({}, served, memory, {}, {}, {}, start + 8 * 24 * 60 * minute);
  EXPECT_TRUE(memory.labels.empty());
}

TEST(WindowMemory, AnAlertEndsThoughLabelsComeOnceAnHour) {
  WindowMemory memory;
  AlertState state = AlertState::firing;
  int hours = 0;
  while (state == AlertState::firing && hours < 7 * 24) {
    ++hours;
    state = judge_windows({}, served, memory, {}, {state, "1.0"}, windows(60 * hours, 1, 10, 1, 1),
                          start + 60 * hours * minute)
                .accuracy;
  }
  EXPECT_EQ(state, AlertState::ok);
  EXPECT_GE(hours, 50);
}

TEST(WindowMemory, InferencesThatComeOneByOneAreJudgedByFives) {
  WindowMemory memory;
  AlertState state = AlertState::ok;
  const auto feed = [&](int from, int count, double p95_ms) {
    for (int i = from; i < from + count; ++i) {
      const JudgedWindow one{start + 12 * i * minute, p95_ms, 1, 0, 0};
      state = judge_windows({}, served, memory, {state, "1.0"}, {}, {one}, one.started_at).latency;
    }
  };
  constexpr int days = 9;
  feed(0, 5 * 24 * days, 20);
  EXPECT_EQ(memory.baseline.windows, 24u * days);
  feed(5 * 24 * days, 1, 500);
  feed(5 * 24 * days + 1, 29, 20);
  EXPECT_EQ(state, AlertState::pending) << "one stall";
  feed(5 * 24 * days + 30, 5 * 10, 60);
  EXPECT_EQ(state, AlertState::firing);
}

TEST(WindowMemory, AWindowOfFewIsNotMixedIntoOneOfMany) {
  WindowMemory memory;
  judge_windows({}, served, memory, {}, {}, {{start, 900, 3, 0, 0}, {start + minute, 10, 100, 0, 0}}, start);
  ASSERT_EQ(memory.recent.size(), 1u);
  EXPECT_EQ(memory.recent[0].p95_ms, 10);
}

TEST(WindowMemory, AnAlertOnAnotherVersionEnds) {
  WindowMemory memory;
  const auto findings = judge_windows({}, served, memory, {AlertState::firing, "0.9"}, {}, {}, start).findings;
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].state, AlertState::ok);
  EXPECT_EQ(findings[0].message, "cam-1: digits 0.9 was replaced by 1.0");
}

TEST(WindowMemory, WindowsThatSayNothingOfLatencyAreReadAllTheSame) {
  WindowMemory memory;
  auto odd = windows(0, 4, 10);
  odd[0].p95_ms = std::nullopt;
  odd[1].p95_ms = std::numeric_limits<double>::infinity();
  odd[2].count = 1;
  odd[3].p95_ms = 0;
  judge_windows({}, served, memory, {}, {}, odd, start);
  EXPECT_EQ(memory.baseline.windows, 0u);
  EXPECT_EQ(memory.read_until, start + 3 * minute);
}

TEST(WindowMemory, IsTheSameAfterItWasPackedInSomeHundredBytes) {
  WindowMemory memory;
  for (int i = 0; i < 400; ++i) judge_windows({}, served, memory, {}, {}, windows(i, 1, 10 + i, 7, 6), start);
  const auto packed = pack(memory);
  EXPECT_LT(packed.size(), 500u);
  const WindowMemory after = unpack_window_memory(packed);
  EXPECT_FALSE(after.is_new);
  EXPECT_EQ(after.baseline.ln_p95_mean, memory.baseline.ln_p95_mean);
  EXPECT_EQ(after.baseline.windows, memory.baseline.windows);
  EXPECT_EQ(after.baseline.until, memory.baseline.until);
  EXPECT_EQ(after.read_until, memory.read_until);
  EXPECT_EQ(recent_to_json(after), recent_to_json(memory));
  EXPECT_EQ(labels_to_json(after), labels_to_json(memory));
  EXPECT_EQ(after.falls.state(), memory.falls.state());
}

TEST(WindowMemory, LabelsOfTheLastMinutesAreKeptBySomeSeconds) {
  WindowMemory memory;
  for (int i = 0; i < 5000; ++i) {
    const JudgedWindow window{start + i * Duration{100}, 10, 100, 2, 1};
    judge_windows({}, served, memory, {}, {}, {window}, start);
  }
  EXPECT_LE(memory.fresh.size(), 60u);
  EXPECT_GT(memory.fresh.front().at, start + 4999 * Duration{100} - labels_are_fresh_for);
  WindowMemory after;
  remember_fresh(after, fresh_to_json(memory));
  EXPECT_EQ(fresh_to_json(after), fresh_to_json(memory));
}

TEST(WindowMemory, TellsNothingOfWindowsThatMoveNoAlert) {
  WindowMemory memory;
  EXPECT_TRUE(judge_windows({}, served, memory, {}, {}, windows(0, 30, 10, 40, 40), start).findings.empty());
}

TEST(WindowMemory, WhatCannotBeReadIsForgotten) {
  WindowMemory memory;
  for (const char* bad : {"", "nonsense", "{}", "[1]", "[[1, 2]]", "[[\"a\", 2, 3]]", "[[1, 2, 3, 4, 5]]"}) {
    remember_recent(memory, bad);
    remember_labels(memory, bad);
    remember_fresh(memory, bad);
    remember_falls(memory, bad);
    EXPECT_EQ(memory.falls.state(), FallEvidence::State{}) << bad;
    EXPECT_TRUE(memory.recent.empty() && memory.labels.empty() && memory.fresh.empty()) << bad;
  }
}

}  // namespace
}  // namespace argosy::server
