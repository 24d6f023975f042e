#include "agent/telemetry/window_accumulator.hpp"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

namespace argosy::agent {
namespace {

using namespace std::chrono_literals;

const Instant start = instant_from_ms(1'700'000'000'000);

Observation seen(double ms, const std::string& release = "") {
  Observation observation;
  observation.model = "digits";
  observation.release = release;
  observation.latency_us = static_cast<std::uint64_t>(ms * 1000);
  return observation;
}

Observation labelled(std::int64_t predicted, std::int64_t label) {
  Observation observation = seen(1);
  observation.predicted = predicted;
  observation.label = label;
  return observation;
}

std::optional<double> p95(const wire::InferenceWindow& window) {
  return LogHistogram::decode(window.latency)->quantile(0.95);
}

TEST(WindowAccumulator, CountsWhatItSawAndStartsAfresh) {
  WindowAccumulator windows(start);
  windows.add(seen(10), "1.0", start + 1s);
  windows.add(labelled(3, 3), "1.0", start + 1s);
  windows.add(labelled(3, 4), "1.0", start + 1s);
  Observation error = seen(99);
  error.ok = false;
  windows.add(error, "1.0", start + 1s);
  const auto closed = windows.close(start + 2s);
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].started_at, start);
  EXPECT_EQ(closed[0].ended_at, start + 2s);
  EXPECT_EQ(closed[0].version, "1.0");
  EXPECT_EQ(closed[0].count, 4u);
  EXPECT_EQ(closed[0].errors, 1u);
  EXPECT_EQ(closed[0].labelled, 2u);
  EXPECT_EQ(closed[0].correct, 1u);
  EXPECT_EQ(closed[0].classes, (wire::Classes{{3, 2}}));
  EXPECT_NEAR(*p95(closed[0]), 1, 0.02);  // the failed one's time is not counted
  EXPECT_TRUE(windows.close(start + 4s).empty());
}

// A program that puts a new version under each inference takes no room from what the agent installed.
TEST(WindowAccumulator, VersionsThatOnlyAProgramNamesPushOutNoneThatIsInstalled) {
  WindowAccumulator windows(start);
  windows.set_features("digits", "1.0", {});
  std::uint64_t told = 0, counted = 0;
  for (int window = 1; window <= 3; ++window) {
    const Instant now = start + std::chrono::minutes(window);
    for (int n = 0; n < 100; ++n, ++told) windows.add(seen(1, "x" + std::to_string(100 * window + n)), "", now);
    if (window == 2) windows.set_features("digits", "2.0", {});  // while every place is taken
    windows.add(seen(1, "1.0"), "", now);
    windows.add(seen(1, "2.0"), "", now);
    told += 2;
    std::set<std::string> versions;
    for (const auto& closed : windows.close(now)) {
      versions.insert(closed.version);
      counted += closed.count;
    }
    EXPECT_TRUE(versions.contains("1.0"));
    EXPECT_EQ(versions.contains("2.0"), window >= 2);
  }
  EXPECT_EQ(counted + windows.dropped(), told);
}

TEST(WindowAccumulator, AddsUpNumbersAndConfidence) {
  WindowAccumulator windows(start);
  Observation observation = seen(1);
  observation.confidence = 0.5;
  observation.numbers = {{"queue_depth", 3}};
  windows.add(observation, "1.0", start + 1s);
  observation.numbers = {{"queue_depth", -1}, {"tokens", 7}};
  observation.confidence = 1.5;
  windows.add(observation, "1.0", start + 1s);
  observation.ok = false;
  windows.add(observation, "1.0", start + 1s);
  const auto window = windows.close(start + 2s).at(0);
  EXPECT_EQ(window.numbers, (wire::Numbers{{"queue_depth", {3, 1, -1, 3}}, {"tokens", {2, 14, 7, 7}}}));
  EXPECT_EQ(window.confidences.count(), 1U) << "1.5 is none, and one that failed has none";
  EXPECT_DOUBLE_EQ(window.confidences.sum, 0.5);
  windows.add(seen(1), "1.0", start + 3s);
  const auto next = windows.close(start + 4s).at(0);
  EXPECT_TRUE(next.numbers.empty());
  EXPECT_EQ(next.confidences.count(), 0U);
}

TEST(WindowAccumulator, CountsLabelsThatComeLaterWithTheirDelay) {
  WindowAccumulator windows(start);
  windows.add(seen(1), "1.1", start + 1h);
  windows.add_late_label("digits", "1.1", true, start, start + 1h);
  windows.add_late_label("digits", "1.1", false, start + 59min, start + 1h);
  const auto closed = windows.close(start + 1h);
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].count, 1u);
  EXPECT_EQ(closed[0].labelled, 0u) << "which are those at inference";
  EXPECT_EQ(closed[0].numbers.at(std::string(wire::labels_later)), (wire::NumberSummary{2, 1, 0, 1}));
  EXPECT_EQ(closed[0].numbers.at(std::string(wire::labels_delay_s)), (wire::NumberSummary{2, 3660, 60, 3600}));
  EXPECT_TRUE(windows.close(start + 2h).empty());
}

TEST(WindowAccumulator, LabelsOfAVersionThatAnswersNothingLieWhereItsAnswersWere) {
  WindowAccumulator windows(start);
  windows.add_late_label("digits", "1.0", true, start - 2h, start + 1min);
  windows.add_late_label("digits", "1.0", true, start - 3h, start + 1min);
  const auto closed = windows.close(start + 1min);
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].version, "1.0");
  EXPECT_EQ(closed[0].count, 0u);
  EXPECT_EQ(closed[0].started_at, start - 2h);
  EXPECT_EQ(closed[0].ended_at, start - 2h) << "no length: it took no time";
  const auto read = wire::decode_record(wire::encode_record({1, closed[0]}));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(std::get<wire::InferenceWindow>(read->content), closed[0]);
}

TEST(WindowAccumulator, EstimatesAccuracyByTheReleasesCalibration) {
  WindowAccumulator windows(start);
  CalibrationCounts counts;
  for (int i = 0; i < 1000; ++i) counts.add(0.97, i % 10 != 0);
  windows.set_calibration("digits", "1.0", Calibration(counts));
  Observation observation = seen(1);
  for (const double confidence : {0.97, 0.97, 2.0}) {
    observation.confidence = confidence;
    windows.add(observation, "1.0", start);
  }
  windows.add(observation, "1.1", start);
  const auto closed = windows.close(start + 1s);
  ASSERT_EQ(closed.size(), 2u);
  const auto& estimated = closed[0].numbers.at(std::string(wire::estimated_accuracy));
  EXPECT_EQ(estimated.count, 2u);
  EXPECT_NEAR(estimated.sum / 2, 0.9, 0.001);
  EXPECT_TRUE(closed[1].numbers.empty()) << "of which nothing is known";
}

TEST(WindowAccumulator, AddsUpEntropyAndTags) {
  WindowAccumulator windows(start);
  Observation observation = seen(10);
  observation.entropy = 0.5;
  observation.tags = {{"camera", "left"}};
  windows.add(observation, "1.0", start + 1s);
  observation.entropy = 1.5;
  observation.tags = {{"camera", "right"}, {"shift", "night"}};
  windows.add(observation, "1.0", start + 1s);
  observation.ok = false;  // then there was no prediction, but there was a camera
  windows.add(observation, "1.0", start + 1s);
  const auto window = windows.close(start + 2s).at(0);
  EXPECT_EQ(window.entropy, (wire::NumberSummary{2, 2, 0.5, 1.5}));
  EXPECT_EQ(window.tags, (wire::Tags{{"camera", {{{"left", 1}, {"right", 2}}, 0}}, {"shift", {{{"night", 2}}, 0}}}));
  windows.add(seen(10), "1.0", start + 3s);
  const auto next = windows.close(start + 4s).at(0);
  EXPECT_TRUE(next.tags.empty());
  EXPECT_EQ(next.entropy.count, 0U);
}

TEST(WindowAccumulator, CountsFurtherValuesOfATagTogetherAndDropsFurtherKeys) {
  WindowAccumulator windows(start);
  for (int i = 0; i < 10; ++i) {
    Observation observation = seen(10);
    observation.tags = {{"n", std::to_string(i)}, {"k" + std::to_string(i), "v"}};
    windows.add(observation, "1.0", start + 1s);
  }
  const auto window = windows.close(start + 2s).at(0);
  EXPECT_EQ(window.tags.size(), wire::most_tag_keys);
  EXPECT_EQ(window.tags.at("n").values.size(), wire::most_tag_values);
  EXPECT_EQ(window.tags.at("n").other, 2U);
  EXPECT_EQ(windows.dropped_tags(), 7U);
}

TEST(WindowAccumulator, KeepsSixteenNumbersAndThoseItHadFirst) {
  WindowAccumulator windows(start);
  Observation observation = seen(1);
  for (int i = 0; i < 16; ++i) observation.numbers["n" + std::to_string(i)] = i;
  windows.add(observation, "1.0", start + 1s);
  EXPECT_EQ(windows.close(start + 2s).at(0).numbers.size(), 16U);
  Observation other = seen(1);
  other.numbers = {{"another", 1}};
  windows.add(other, "1.0", start + 3s);
  EXPECT_EQ(windows.dropped_numbers(), 1U);
  EXPECT_TRUE(windows.close(start + 4s).at(0).numbers.empty());
  windows.add(other, "1.0", start + 5s);
  EXPECT_EQ(windows.close(start + 6s).at(0).numbers.size(), 1U) << "those before were not reported any more";
}

// A board without a clock of its own wakes in 1970; a server refuses windows of decades, and counts that nobody has.
TEST(WindowAccumulator, MakesWindowsThatTheServerTakesWhateverTheClockAndTheCounters) {
  for (const auto& [from, to] :
       {std::pair(instant_from_ms(10'000), start), std::pair(start, instant_from_ms(10'000))}) {
    WindowAccumulator windows(from);
    windows.add_counts("digits", "1.0", UINT64_MAX, UINT64_MAX, {}, to);
    const auto closed = windows.close(to);
    ASSERT_EQ(closed.size(), 1u);
    EXPECT_EQ(closed[0].count, wire::most_in_window);
    const auto taken = wire::decode_record(wire::encode_record({1, closed[0]}));
    ASSERT_TRUE(taken) << taken.error().message;
    EXPECT_EQ(std::get<wire::InferenceWindow>(taken->content), closed[0]);
  }
}

TEST(WindowAccumulator, VersionOfTheProgramWinsOverTheOneThatServes) {
  WindowAccumulator windows(start);
  windows.add(seen(1), "1.1", start);
  windows.add(seen(1, "1.0"), "1.1", start);
  const auto closed = windows.close(start + 2s);
  ASSERT_EQ(closed.size(), 2u);
  EXPECT_EQ(closed[0].version, "1.0");
  EXPECT_EQ(closed[1].version, "1.1");
}

TEST(WindowAccumulator, UnknownModelWithoutVersionIsDroppedAndCounted) {
  WindowAccumulator windows(start);
  windows.add(seen(1), "", start);
  EXPECT_TRUE(windows.close(start + 2s).empty());
  EXPECT_EQ(windows.dropped(), 1u);
}

TEST(WindowAccumulator, VersionsAndClassesAreBounded) {
  WindowAccumulator windows(start);
  for (int i = 0; i < 100; ++i) windows.add(seen(1, "1." + std::to_string(i)), "", start + std::chrono::seconds(i));
  EXPECT_EQ(windows.close(start + 200s).size(), WindowAccumulator::max_versions);
  EXPECT_EQ(windows.dropped(), 100 - WindowAccumulator::max_versions);
  for (int i = 0; i < 2000; ++i) windows.add(labelled(i, i), "9.9", start + 201s);
  const auto closed = windows.close(start + 202s);
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].classes.size(), WindowAccumulator::max_classes);
}

TEST(WindowAccumulator, FeaturesFallIntoTheReleasesBins) {
  WindowAccumulator windows(start);
  windows.set_features("digits", "1.0", {{"sharpness", {1.0, 2.0}, {}}, {"contrast", {5.0}, {}}});
  Observation observation = seen(1);
  for (const double value : {0.5, 1.5, 9.0}) {
    observation.features = {value, std::nan("")};
    windows.add(observation, "1.0", start);
  }
  observation.features = {1.0};  // not as many as the release has: left out
  windows.add(observation, "1.0", start);
  const auto closed = windows.close(start + 2s);
  ASSERT_EQ(closed[0].features.size(), 2u);
  EXPECT_EQ(closed[0].features[0], (wire::FeatureCounts{"sharpness", {1, 1, 1, 0}}));
  EXPECT_EQ(closed[0].features[1], (wire::FeatureCounts{"contrast", {0, 0, 3}}));
}

TEST(WindowAccumulator, FeaturesCanBeThinned) {
  WindowAccumulator windows(start, 60s);
  windows.set_features("digits", "1.0", {{"sharpness", {1.0}, {}}});
  Observation observation = seen(1);
  observation.features = {0.5};
  for (int i = 0; i < 180; ++i) windows.add(observation, "1.0", start + std::chrono::seconds(i));
  const auto closed = windows.close(start + 180s);
  EXPECT_EQ(closed[0].features[0].counts, (std::vector<std::uint64_t>{3, 0, 0}));
}

TEST(WindowAccumulator, BaselineSpansTheRememberedWindows) {
  WindowAccumulator windows(start);
  for (int window = 0; window < 40; ++window) {
    for (int i = 0; i < 10; ++i) windows.add(seen(window < 10 ? 500 : 10), "1.0", start);
    windows.close(start + std::chrono::seconds(window));
  }
  const Baseline baseline = windows.baseline("digits", "1.0");
  EXPECT_EQ(baseline.observations, 10 * WindowAccumulator::remembered_windows);
  EXPECT_NEAR(*baseline.latency_p95_ms, 10, 0.2);
  EXPECT_EQ(windows.baseline("digits", "2.0"), Baseline{});
}

TEST(WindowAccumulator, ProbationCountsFromItsBeginning) {
  WindowAccumulator windows(start);
  windows.add(seen(500), "1.1", start);
  windows.begin_probation("digits", "1.1");
  EXPECT_EQ(windows.probation_totals("digits", "1.1"), ProbationTotals{});
  Observation error = seen(1);
  error.ok = false;
  windows.add(error, "1.1", start);
  windows.close(start + 2s);
  windows.add(seen(20), "1.1", start + 3s);
  const ProbationTotals totals = windows.probation_totals("digits", "1.1");
  EXPECT_EQ(totals.observations, 2u);
  EXPECT_EQ(totals.errors, 1u);
  EXPECT_NEAR(*totals.latency_p95_ms, 20, 0.4);
}

TEST(WindowAccumulator, CountsOfAProgramsOwnJoinTheRest) {
  WindowAccumulator windows(start);
  windows.add(seen(10), "1.0", start);
  windows.begin_probation("digits", "1.0");
  LogHistogram latency_ms;
  latency_ms.add(20, 8);
  windows.add_counts("digits", "1.0", 10, 2, latency_ms, start + 1s);
  const auto totals = windows.probation_totals("digits", "1.0");
  EXPECT_EQ(totals.observations, 10u);
  EXPECT_EQ(totals.errors, 2u);
  EXPECT_NEAR(*totals.latency_p95_ms, 20, 0.4);
  const auto closed = windows.close(start + 60s);
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].count, 11u);
  EXPECT_EQ(closed[0].errors, 2u);
  EXPECT_EQ(windows.baseline("digits", "1.0").observations, 9u);
}

}  // namespace
}  // namespace argosy::agent
