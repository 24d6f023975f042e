#include "common/stats/drift.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "common/stats/accuracy.hpp"
#include "common/stats/bins.hpp"

namespace argosy {
namespace {

using Values = std::vector<std::uint64_t>;

std::vector<double> deciles_of_a_normal() {
  return {-1.2816, -0.8416, -0.5244, -0.2533, 0, 0.2533, 0.5244, 0.8416, 1.2816};
}

Values normal_sample(Rng& rng, double mean, int size) {
  BinCounts bins(deciles_of_a_normal());
  for (int i = 0; i < size; ++i) bins.add(mean + rng.normal());
  return bins.counts();
}

TEST(Drift, EqualHistogramsAreNotApart) {
  const Values counts{0, 10, 20, 30, 0};
  EXPECT_EQ(population_stability_index(counts, counts), 0);
  EXPECT_EQ(jensen_shannon(counts, counts), 0);
  EXPECT_EQ(kolmogorov_smirnov(counts, counts), 0);
  EXPECT_EQ(*wasserstein_over_sd(std::vector<double>{0, 1, 2}, counts, counts), 0);
}

TEST(Drift, EqualsFiguresWorkedOutByHand) {
  // Shares with half a count more per bin: (9.5, 0.5) / 10 against (0.5, 9.5) / 10.
  const Values p{9, 0};
  const Values q{0, 9};
  EXPECT_NEAR(population_stability_index(p, q), 2 * 0.9 * std::log(19.0), 1e-12);
  EXPECT_NEAR(jensen_shannon(p, q), 0.95 * std::log2(1.9) + 0.05 * std::log2(0.1), 1e-12);
  EXPECT_EQ(kolmogorov_smirnov(p, q), 1);
  // All mass from the bin [0, 1) to [1, 2): moved by 1, and a uniform over [0, 1) has variance 1/12.
  EXPECT_NEAR(*wasserstein_over_sd(std::vector<double>{0, 1, 2}, Values{0, 5, 0, 0, 0}, Values{0, 0, 7, 0, 0}),
              std::sqrt(12.0), 1e-12);
}

TEST(Drift, IsSymmetricNeverNegativeAndBounded) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Rng rng(seed);
    Values p(8);
    Values q(8);
    for (auto& count : p) count = rng.below(50);
    for (auto& count : q) count = rng.below(50);
    ASSERT_GE(population_stability_index(p, q), 0);
    ASSERT_NEAR(population_stability_index(p, q), population_stability_index(q, p), 1e-9);
    ASSERT_NEAR(jensen_shannon(p, q), jensen_shannon(q, p), 1e-9);
    ASSERT_LE(jensen_shannon(p, q), 1);
    ASSERT_LE(kolmogorov_smirnov(p, q), 1);
    const auto distance = wasserstein_over_sd(std::vector<double>{1, 2, 3, 4, 5, 6}, p, q);
    ASSERT_TRUE(!distance || *distance >= 0);
  }
}

TEST(Drift, SeesAShiftAndNotTheNoiseOfThreeHundredSamples) {
  Rng rng(3);
  const auto reference = normal_sample(rng, 0, 20000);
  int false_alarms = 0;
  for (int i = 0; i < 500; ++i) {
    if (population_stability_index(reference, normal_sample(rng, 0, 300)) >= 0.2) ++false_alarms;
    ASSERT_GE(population_stability_index(reference, normal_sample(rng, 1, 300)), 0.2);
  }
  EXPECT_EQ(false_alarms, 0);
}

TEST(Drift, AShiftByOneDeviationMovesTheEarthByAboutOne) {
  Rng rng(4);
  BinCounts reference({-3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3});
  BinCounts present(reference.edges());
  for (int i = 0; i < 20000; ++i) reference.add(rng.normal());
  for (int i = 0; i < 20000; ++i) present.add(rng.normal() + 1);
  EXPECT_NEAR(*wasserstein_over_sd(reference.edges(), reference.counts(), present.counts()), 1, 0.05);
  EXPECT_NEAR(kolmogorov_smirnov(reference.counts(), present.counts()), 0.38, 0.02);
}

TEST(Drift, EmptyHistogramsSayNothing) {
  const Values empty(4, 0);
  const Values some{1, 2, 3, 4};
  EXPECT_EQ(kolmogorov_smirnov(empty, some), 0);
  EXPECT_FALSE(wasserstein_over_sd(std::vector<double>{0, 1}, empty, some));
  EXPECT_TRUE(std::isfinite(population_stability_index(empty, some)));
  EXPECT_EQ(population_stability_index(empty, empty), 0);
}

TEST(Accuracy, WilsonBoundsEqualThePublishedOnes) {
  // Newcombe, Statistics in Medicine 17, 1998, table I, method 3.
  const auto bounds = wilson_bounds(81, 263, 1.959964);
  EXPECT_NEAR(bounds.lower, 0.2553, 5e-5);
  EXPECT_NEAR(bounds.upper, 0.3662, 5e-5);
  EXPECT_NEAR(wilson_bounds(0, 20, 1.959964).upper, 0.1611, 5e-5);
  EXPECT_EQ(wilson_bounds(0, 20, 1.959964).lower, 0);
  EXPECT_EQ(wilson_bounds(0, 0, 1.96).upper, 1);
}

}  // namespace
}  // namespace argosy
