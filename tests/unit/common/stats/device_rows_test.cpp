#include "common/stats/device_rows.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.hpp"

namespace argosy {
namespace {

TEST(DeviceRows, PlusIsHarmWhicheverWayTheMetricPoints) {
  EXPECT_EQ(harm_of(2, 5, WorseWhen::higher), 3);
  EXPECT_EQ(harm_of(2, 5, WorseWhen::lower), -3);
  EXPECT_TRUE(std::isnan(harm_of(2, HUGE_VAL, WorseWhen::higher)));
  EXPECT_TRUE(std::isnan(harm_of({.before = std::nan(""), .after = 1}, WorseWhen::lower)));
}

TEST(DeviceRows, LnP95OfMergedWindowsIsThatOfAllTheirValues) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Rng rng(seed);
    LogHistogram merged;
    std::vector<double> all;
    for (int window = 0; window < 5; ++window) {
      LogHistogram histogram;
      for (int i = 0; i < 60; ++i) {
        all.push_back(20 * std::exp(rng.normal() * 0.3));
        histogram.add(all.back());
      }
      merged.merge(histogram);
    }
    std::sort(all.begin(), all.end());
    ASSERT_NEAR(*ln_quantile(merged, 0.95), std::log(all[static_cast<std::size_t>(0.95 * 299)]), 0.0201)
        << "seed " << seed;
  }
}

TEST(DeviceRows, QuietDevicesDoNotAllShowTheSameFigure) {
  Rng rng(5);
  std::set<double> figures;
  for (int device = 0; device < 50; ++device) {
    LogHistogram histogram;
    for (int i = 0; i < 200; ++i) histogram.add(20 * std::exp(rng.normal() * 0.002 + 0.003));
    figures.insert(*ln_quantile(histogram, 0.95));
  }
  EXPECT_GT(figures.size(), 10u) << "all values lie in two buckets";
}

TEST(DeviceRows, AZeroHasALogarithmAndNothingHasNone) {
  LogHistogram histogram;
  histogram.add(0, 3);
  EXPECT_NEAR(*ln_quantile(histogram, 0.95), std::log(LogHistogram::smallest), 1e-12);
  EXPECT_FALSE(ln_quantile(LogHistogram{}, 0.5));
}

TEST(DeviceRows, MeansAndRatesWeighByWhatTheyRestOn) {
  WeightedMean confidence;
  confidence.add(0.9, 10);
  confidence.add(0.5, 30);
  confidence.add(std::nan(""), 5);
  confidence.add(0.1, 0);
  EXPECT_NEAR(*confidence.mean(), 0.6, 1e-12);
  WeightedMean more;
  more.add(1, 40);
  confidence.merge(more);
  EXPECT_NEAR(*confidence.mean(), 0.8, 1e-12);
  EXPECT_FALSE(WeightedMean{}.mean());
  EXPECT_EQ(*rate_of(3, 12), 0.25);
  EXPECT_EQ(*rate_of(13, 12), 1);
  EXPECT_FALSE(rate_of(0, 0));
}

}  // namespace
}  // namespace argosy
