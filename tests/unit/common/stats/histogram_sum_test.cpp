#include "common/stats/histogram_sum.hpp"

#include <gtest/gtest.h>

#include "common/base/random.hpp"

namespace argosy {
namespace {

LogHistogram of(std::initializer_list<double> values) {
  LogHistogram histogram;
  for (const double value : values) histogram.add(value);
  return histogram;
}

TEST(HistogramSum, IsWhatMergingGives) {
  Rng random(7);
  LogHistogram merged;
  HistogramSum sum;
  for (int i = 0; i < 200; ++i) {
    LogHistogram one;
    for (int value = 0; value < 20; ++value) one.add(0.001 * static_cast<double>(random.below(1'000'000)));
    merged.merge(one);
    sum.add(one);
  }
  EXPECT_EQ(sum.total(), merged);
}

TEST(HistogramSum, GrowsToBothSidesAndCountsZeros) {
  HistogramSum sum;
  sum.add(of({5}));
  sum.add(of({1000, 0}));
  sum.add(of({0.01}));
  EXPECT_EQ(sum.total(), of({0, 0.01, 5, 1000}));
}

TEST(HistogramSum, OfSumsIsTheSumOfAll) {
  HistogramSum one, another, nothing;
  one.add(of({1, 2}));
  another.add(of({2, 300}));
  one.add(another);
  one.add(nothing);
  nothing.add(one);
  EXPECT_EQ(one.total(), of({1, 2, 2, 300}));
  EXPECT_EQ(nothing.total(), one.total());
}

TEST(HistogramSum, OfNothingIsEmpty) {
  HistogramSum sum;
  sum.add(LogHistogram{});
  EXPECT_TRUE(sum.total().empty());
}

TEST(HistogramSum, StaysWithinWhatACountMayBe) {
  LogHistogram huge;
  huge.add(5, LogHistogram::count_limit);
  HistogramSum sum;
  for (int i = 0; i < 5; ++i) sum.add(huge);
  EXPECT_EQ(sum.total().count(), LogHistogram::count_limit);
}

}  // namespace
}  // namespace argosy
