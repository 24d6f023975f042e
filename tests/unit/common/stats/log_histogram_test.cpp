#include "common/stats/log_histogram.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "tests/unit/common/stats/golden.hpp"

namespace argosy {
namespace {

LogHistogram histogram_of(const std::vector<double>& values) {
  LogHistogram histogram;
  for (const double value : values) histogram.add(value);
  return histogram;
}

// Latencies as they come: a bulk around a centre, a tail, and now and then a stall.
std::vector<double> latencies(Rng& rng, std::size_t size) {
  std::vector<double> values;
  const double centre = std::exp(rng.normal() * 3);
  while (values.size() < size) values.push_back(centre * std::exp(rng.normal() * 0.3) * (rng.chance(0.02) ? 40 : 1));
  return values;
}

double exact_quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

TEST(LogHistogram, QuantilesAreWithinOnePercentWhateverTheValues) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Rng rng(seed);
    const auto values = latencies(rng, 1 + rng.below(2000));
    const auto histogram = histogram_of(values);
    ASSERT_EQ(histogram.count(), values.size());
    for (const double q : {0.0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1.0}) {
      const double exact = exact_quantile(values, q);
      ASSERT_NEAR(*histogram.quantile(q), exact, exact * 0.010001) << "seed " << seed << ", q " << q;
    }
    double sum = 0;
    for (const double value : values) sum += value;
    const double mean = sum / static_cast<double>(values.size());
    ASSERT_NEAR(*histogram.mean(), mean, mean * 0.010001) << "seed " << seed;
  }
}

TEST(LogHistogram, QuantilesEqualThoseOfTheAuthorsDDSketch) {
  const auto& golden = golden_values("sketches");
  for (const auto& one : golden["cases"]) {
    const auto values = one["values"].get<std::vector<double>>();
    const auto middle = values.begin() + one["split_at"].get<std::ptrdiff_t>();
    auto histogram = histogram_of({values.begin(), middle});
    histogram.merge(histogram_of({middle, values.end()}));
    for (std::size_t i = 0; i < one["at"].size(); ++i) {
      const double sketched = one["quantiles"][i];
      EXPECT_NEAR(*histogram.quantile(one["at"][i]), sketched, sketched * 1e-9) << one["at"][i];
    }
  }
  for (const auto& bucket : golden["buckets"]) {
    const double value = bucket[2];
    EXPECT_NEAR(*histogram_of({bucket[0].get<double>()}).quantile(0), value, value * 1e-9) << bucket;
  }
}

TEST(LogHistogram, TheSmoothQuantileRisesWithTheRankAndStaysInTheBucket) {
  LogHistogram histogram;
  histogram.add(0, 3);
  histogram.add(10, 10);
  histogram.add(20, 7);
  EXPECT_EQ(*histogram.smooth_quantile(0), 0);
  double before = 0;
  for (double q = 0; q <= 1; q += 0.01) {
    const double value = *histogram.smooth_quantile(q);
    ASSERT_GE(value, before);
    before = value;
    const double here = *histogram.quantile(q);
    const double next = *histogram.quantile(std::min(1.0, q + 1.0 / 19));
    ASSERT_GE(value, here * 0.989) << q;
    ASSERT_LE(value, next * 1.011) << q;
  }
  EXPECT_FALSE(LogHistogram{}.smooth_quantile(0.5));
}

TEST(LogHistogram, MergingIsTheSameAsCountingEverythingInOne) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Rng rng(seed);
    auto all = latencies(rng, 500);
    auto left = histogram_of(all);
    const auto more = latencies(rng, 700);
    left.merge(histogram_of(more));
    all.insert(all.end(), more.begin(), more.end());
    ASSERT_EQ(left, histogram_of(all)) << "seed " << seed;
  }
}

TEST(LogHistogram, EmptyHasNoQuantile) {
  const LogHistogram empty;
  EXPECT_FALSE(empty.quantile(0.5));
  EXPECT_FALSE(empty.mean());
  EXPECT_EQ(LogHistogram::decode(empty.encode()).value(), empty);
}

TEST(LogHistogram, TakesEveryNumberThatAClockCanGive) {
  LogHistogram histogram;
  histogram.add(std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(histogram.empty());
  for (const double value : {-3.0, 0.0, 1e-300, 1e300, std::numeric_limits<double>::infinity()}) histogram.add(value);
  EXPECT_EQ(histogram.count(), 5u);
  EXPECT_EQ(*histogram.quantile(0.5), 0.0);
  EXPECT_NEAR(*histogram.quantile(1.0), 1e9, 1e7);
  EXPECT_EQ(LogHistogram::decode(histogram.encode()).value(), histogram);
}

TEST(LogHistogram, EncodesToTheGoldenBytes) {
  EXPECT_EQ(to_hex(LogHistogram{}.encode()), "010000");
  LogHistogram histogram;
  histogram.add(0, 2);
  histogram.add(0.5);
  histogram.add(1, 300);
  histogram.add(20, 3);
  histogram.add(20.1);
  // format 1, 2 zeros, 4 buckets: -34 x 1, 0 x 300, 150 x 3, 151 x 1
  EXPECT_EQ(to_hex(histogram.encode()),
            "01020443012"
            "1ac029501030001");
  // format 2, 2 zeros, 3 runs: from -34 on 1, from 0 on 300, from 150 on 3 and 1
  EXPECT_EQ(to_hex(histogram.encode_runs()),
            "0202034300012"
            "000ac02940101"
            "0301");
}

TEST(LogHistogram, SurvivesTheWayThereAndBackAndStaysSmall) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Rng rng(seed);
    const auto histogram = histogram_of(latencies(rng, 600));
    const auto bytes = histogram.encode();
    EXPECT_LT(bytes.size(), 600u);
    ASSERT_EQ(LogHistogram::decode(bytes).value(), histogram) << "seed " << seed;
    const auto runs = histogram.encode_runs();
    EXPECT_LT(3 * runs.size(), 2 * bytes.size() + 60) << "seed " << seed;
    ASSERT_EQ(LogHistogram::decode(runs).value(), histogram) << "seed " << seed;
  }
}

TEST(LogHistogram, RefusesWhatItDidNotWrite) {
  for (const char* hex : {"",
                          "00",
                          "030000",
                          "02",
                          "0200",
                          "020001",
                          "02000100",
                          "0200010001",
                          "020001000000",
                          "02000000",
                          "020001007f01",
                          "020002000001ffffffff7f0001",
                          "01",
                          "0100",
                          "010001",
                          "01000100",
                          "0100010000",
                          "010000ff",
                          "0180800000",
                          "010001feffffff7f01",
                          "01ffffffffffffffffff00",
                          "0100ffffffffffffff7f"}) {
    const auto decoded = LogHistogram::decode(from_hex(hex).value());
    ASSERT_FALSE(decoded) << hex;
    EXPECT_EQ(decoded.error().code, Errc::corrupt) << hex;
  }
  EXPECT_FALSE(LogHistogram::decode(Bytes(40000, 1)));
}

TEST(LogHistogram, EveryMutationIsRefusedOrIsAHistogramThatWritesTheSameBytes) {
  Rng rng(7);
  const auto good = histogram_of(latencies(rng, 300));
  for (int i = 0; i < 40000; ++i) {
    auto bytes = i % 2 == 0 ? good.encode() : good.encode_runs();
    for (auto flips = 1 + rng.below(4); flips > 0; --flips)
      bytes[rng.below(bytes.size())] = static_cast<std::uint8_t>(rng.below(256));
    bytes.resize(rng.chance(0.2) ? rng.below(bytes.size()) : bytes.size());
    const auto decoded = LogHistogram::decode(bytes);
    if (decoded) {
      ASSERT_EQ(bytes.front() == 1 ? decoded->encode() : decoded->encode_runs(), bytes);
    }
  }
}

TEST(LogHistogram, SumsOfTheLargestStayInRange) {
  LogHistogram full;
  for (const double value : {0.0, 1.0, 10.0, 100.0, 1000.0}) full.add(value, UINT64_MAX);
  LogHistogram sum = full;
  for (int i = 0; i < 70; ++i) sum.merge(LogHistogram(sum));
  EXPECT_EQ(sum.count(), full.count()) << "full is full";
  for (const double q : {0.0, 0.5, 0.95, 1.0}) {
    const auto value = sum.quantile(q);
    ASSERT_TRUE(value);
    EXPECT_GE(*value, 0);
    EXPECT_LE(*value, 1010);
  }
}

TEST(LogHistogram, CountsByGivenBounds) {
  LogHistogram histogram;
  for (const double value : {0.0, 0.4, 3.0, 4.0, 70.0, 900.0, 901.0}) histogram.add(value);
  using Counts = std::vector<std::uint64_t>;
  const std::array bounds{0.5, 5.0, 50.0, 100.0};
  EXPECT_EQ(histogram.counts_by(bounds), (Counts{2, 2, 0, 1, 2}));
  EXPECT_EQ(histogram.counts_by({}), Counts{7});
  EXPECT_EQ(LogHistogram().counts_by(bounds), (Counts{0, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace argosy
