// Which samples are tried when there is no time for all of them, and what that makes of a metric.
#include "agent/runner/sampling.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "agent/runner/grading.hpp"
#include "tests/unit/agent/runner/npz_writer.hpp"

namespace argosy::agent {
namespace {

using Samples = std::vector<std::size_t>;

Samples all_of(Sampling sampling, std::size_t at_once = 3) {
  Samples all;
  for (auto next = sampling.next(at_once); !next.empty(); next = sampling.next(at_once))
    all.insert(all.end(), next.begin(), next.end());
  return all;
}
const Deadline long_past(Deadline::Clock::time_point{});

TEST(Sampling, WithoutABoundSamplesComeInTheirOrder) {
  EXPECT_EQ(all_of(Sampling(7, {})), (Samples{0, 1, 2, 3, 4, 5, 6}));
}

TEST(Sampling, WithinABoundEachIsDrawnOnceAndTheSameSeedDrawsTheSame) {
  const SamplingBound all{.most = 100, .seed = 5};
  Samples drawn = all_of(Sampling(100, all));
  EXPECT_EQ(drawn, all_of(Sampling(100, all)));
  EXPECT_NE(drawn, all_of(Sampling(100, {.most = 100, .seed = 6})));
  const Samples some = all_of(Sampling(100, {.most = 10, .seed = 5}));
  EXPECT_EQ(some, Samples(drawn.begin(), drawn.begin() + 10)) << "a smaller draw is the start of a larger one";
  std::ranges::sort(drawn);
  EXPECT_EQ(drawn, all_of(Sampling(100, {})));
}

TEST(Sampling, EverySampleIsAsLikelyToBeDrawn) {
  constexpr std::uint64_t draws = 3000;
  std::vector<int> drawn(10);
  for (std::uint64_t seed = 0; seed < draws; ++seed)
    for (const std::size_t sample : all_of(Sampling(10, {.most = 3, .seed = seed}))) ++drawn[sample];
  for (const int times : drawn) EXPECT_NEAR(times, 900, 130);  // over five standard deviations
}

TEST(Sampling, TheFirstAreTriedWhateverTheTimeAndNoFurtherOnes) {
  EXPECT_EQ(all_of(Sampling(100, {.deadline = long_past, .most = {}})).size(), 3U);
}

Dataset embedded(std::size_t samples) {
  const std::string count = std::to_string(samples);
  std::vector<std::int64_t> labels(samples);
  for (std::size_t i = 0; i < samples; ++i) labels[i] = static_cast<std::int64_t>(i % 2);
  const test::TemporaryFile file(
      test::npz({{"x.npy", test::npy<float>("<f4", "(" + count + ", 1)", std::vector<float>(samples))},
                 {"y.npy", test::npy<std::int64_t>("<i8", "(" + count + ",)", labels)}}));
  return std::move(Dataset::open(file.path())).value();
}
// Samples of one label lie together, those of the other elsewhere.
Answer embedding_of(std::size_t sample) {
  return {{"e", "float32", {2}, {sample % 2 == 0 ? 1.0 : -1.0, 0.001 * static_cast<double>(sample)}}};
}

TEST(Sampling, AMetricOverNeighboursIsOfAllSamplesOrNotMeasured) {
  const Dataset data = embedded(100);
  Grading grading = *Grading::make(data, "recall_at_1", 0);
  for (std::size_t sample = 0; sample < 60; ++sample) ASSERT_TRUE(grading.add(sample, embedding_of(sample), 1));
  const Measured measured = *grading.finish();
  EXPECT_EQ(measured.value, std::nullopt);
  EXPECT_EQ(measured.samples_in_set, 100U);
  EXPECT_EQ(measured.notes,
            (std::vector<std::string>{"recall_at_1 was not measured: neighbours are looked for among all samples, and "
                                      "60 of 100 were tried"}));
}

TEST(Sampling, NeighboursAreLookedForInAnyOrderOfTrialAndUntilTheDeadline) {
  const Dataset data = embedded(100);
  for (const bool is_late : {false, true}) {
    Grading grading = *Grading::make(data, "recall_at_1", 0);
    for (const std::size_t sample : all_of(Sampling(100, {.most = 100, .seed = 9})))
      ASSERT_TRUE(grading.add(sample, embedding_of(sample), 1));
    const Measured measured = *grading.finish(is_late ? long_past : Deadline());
    EXPECT_EQ(measured.value, 1.0);
    EXPECT_EQ(measured.correct, is_late ? 50U : 100U);
    EXPECT_EQ(measured.notes.size(), is_late ? 1U : 0U);
  }
}

TEST(Sampling, WhatIsNoMeanOverSamplesSaysSoOfAPart) {
  const Dataset data = embedded(100);
  Grading some = *Grading::make(data, "max_abs_difference", 0);
  ASSERT_TRUE(some.add(7, {{"v", "float32", {1}, {1}}}, 1));
  EXPECT_EQ(some.finish()->notes,
            (std::vector<std::string>{"max_abs_difference is the largest of the samples that were tried"}));
  Grading mean = *Grading::make(data, "mae", 0);
  ASSERT_TRUE(mean.add(7, {{"v", "float32", {1}, {1}}}, 1));
  EXPECT_TRUE(mean.finish()->notes.empty());
}

TEST(Sampling, LabelsOfOneClassAreSaidOfTheWholeDataSetAlone) {
  const Dataset data = embedded(100);
  Grading grading = *Grading::make(data, "accuracy", 0);
  for (const std::size_t sample : {4U, 8U}) ASSERT_TRUE(grading.add(sample, {{"s", "float32", {2}, {1, 0}}}, 1));
  EXPECT_TRUE(grading.finish()->notes.empty()) << "the others are of another class";
}

}  // namespace
}  // namespace argosy::agent
