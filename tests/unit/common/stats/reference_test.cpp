#include "common/stats/reference.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "common/stats/bins.hpp"
#include "common/stats/drift.hpp"

namespace argosy {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::vector<double> normal_values(std::uint64_t seed, std::size_t size, double mean = 0, double sd = 1) {
  Rng random(seed);
  std::vector<double> values(size);
  for (double& value : values) value = mean + sd * random.normal();
  return values;
}

std::vector<std::uint64_t> counted(const ReferenceBins& reference, const std::vector<double>& values) {
  BinCounts bins(reference.edges);
  for (const double value : values) bins.add(value);
  return bins.counts();
}

std::size_t filled(const ReferenceBins& reference) {
  return static_cast<std::size_t>(
      std::count_if(reference.counts.begin(), reference.counts.end(), [](auto count) { return count > 0; }));
}

TEST(Reference, HasTwentyBinsOfTheSameSizeAndEmptyOnesAround) {
  const auto reference = reference_of(normal_values(1, 2000));
  ASSERT_TRUE(reference);
  ASSERT_TRUE(check_edges(reference->edges));
  EXPECT_EQ(reference->counts.size(), bins_of_edges(reference->edges.size()));
  EXPECT_EQ(total_of(reference->counts), 2000u);
  EXPECT_GE(filled(*reference), 20u);
  EXPECT_LE(filled(*reference), 23u) << "zeros have a bin of their own";
  for (const auto count : reference->counts) EXPECT_LE(count, 101u);
  EXPECT_EQ(reference->counts.front(), 0u);
  EXPECT_EQ(reference->counts[reference->counts.size() - 2], 0u);
  EXPECT_FALSE(fault_of_reference(reference->counts));
}

TEST(Reference, OfFewValuesHasABinForEach) {
  for (const std::size_t values : {1, 2, 3, 20}) {
    std::vector<double> sample;
    for (std::size_t i = 0; i < 400; ++i) sample.push_back(0.1 * static_cast<double>(i % values));
    const auto reference = reference_of(sample);
    ASSERT_TRUE(reference) << values;
    EXPECT_EQ(filled(*reference), values);
    EXPECT_LT(population_stability_index(reference->counts, counted(*reference, sample)), 1e-12);
    std::vector<double> through_float;
    for (const double value : sample) through_float.push_back(static_cast<double>(static_cast<float>(value)));
    EXPECT_EQ(counted(*reference, through_float), reference->counts);
    EXPECT_GT(population_stability_index(reference->counts, counted(*reference, std::vector<double>(400, 0.05))), 1);
  }
}

TEST(Reference, AValueThatIsOftenThereHasABinOfItsOwn) {
  auto sample = normal_values(2, 500, 10);
  sample.resize(1000, 10.5);
  const auto reference = reference_of(sample);
  ASSERT_TRUE(reference);
  EXPECT_EQ(reference->counts[bin_of(reference->edges, 10.5)], 500u);
}

TEST(Reference, TooFewSamplesAreRefusedWithTheNumberNeeded) {
  EXPECT_EQ(reference_of(std::vector<double>{}).error().message, "has no number in it");
  EXPECT_EQ(reference_of(std::vector<double>{nan, nan}).error().message, "has no number in it");
  EXPECT_EQ(reference_of(normal_values(3, 150)).error().message,
            "has 150 samples, and needs 200: give a larger sample");
  EXPECT_EQ(reference_of(std::vector<double>(29, 1)).error().message,
            "has 29 samples, and needs 30: give a larger sample");
}

TEST(Reference, HoldsWhatIsNoNumberAndWhatHasNoEnd) {
  auto sample = normal_values(4, 400);
  sample.push_back(nan);
  sample.push_back(std::numeric_limits<double>::infinity());
  sample.push_back(-std::numeric_limits<double>::max());
  const auto reference = reference_of(sample);
  ASSERT_TRUE(reference);
  EXPECT_TRUE(check_edges(reference->edges));
  EXPECT_EQ(reference->counts.back(), 1u);
  EXPECT_EQ(total_of(reference->counts), 403u);
}

TEST(Reference, SaysWhyCountsWillNotDo) {
  using Counts = std::vector<std::uint64_t>;
  EXPECT_TRUE(fault_of_reference(Counts{}));
  EXPECT_TRUE(fault_of_reference(Counts{0, 0, 0, 0}));
  EXPECT_TRUE(fault_of_reference(Counts{0, 0, 0, 90})) << "nothing but NaN";
  EXPECT_EQ(fault_of_reference(Counts{0, 2, 1, 0, 0}), "has 3 samples in 2 bins, and needs 30: give a larger sample");
  EXPECT_EQ(fault_of_reference(Counts(24, 5)),
            "has 115 samples in 23 bins, and needs 230: give a larger sample, or fewer bins");
  Counts constant(66);
  constant[1] = 200;
  EXPECT_FALSE(fault_of_reference(constant));
}

TEST(Drift, IdenticalConstantAndTwoValuedFeaturesAreNotApartHoweverManyEdges) {
  for (const auto& [edges, samples] : {std::pair<std::size_t, std::uint64_t>{20, 100}, {50, 100}, {64, 200}}) {
    for (const std::uint64_t live : {3, 100, 2000, 1'000'000}) {
      std::vector<std::uint64_t> reference(bins_of_edges(edges)), present(reference.size());
      reference[2] = samples;
      present[2] = live;
      EXPECT_EQ(population_stability_index(reference, present), 0);
      EXPECT_EQ(expected_psi(reference, present, 100, 100), 0);
      reference[2] = reference[9] = samples / 2;
      present[2] = present[9] = live;
      EXPECT_LT(population_stability_index(reference, present), 1e-4);
      EXPECT_EQ(rank_shift(reference, present), 0);
    }
  }
}

TEST(Drift, ARankShiftHasTheSignOfTheMove) {
  const auto reference = reference_of(normal_values(5, 20'000)).value();
  EXPECT_NEAR(rank_shift(reference.counts, counted(reference, normal_values(6, 20'000))), 0, 0.01);
  EXPECT_NEAR(rank_shift(reference.counts, counted(reference, normal_values(7, 20'000, 1))), 0.26, 0.01);
  EXPECT_NEAR(rank_shift(reference.counts, counted(reference, normal_values(7, 20'000, -9))), -0.5, 1e-9);
  EXPECT_EQ(rank_shift(reference.counts, std::vector<std::uint64_t>(reference.counts.size())), 0);
}

}  // namespace
}  // namespace argosy
