#include "common/stats/bins.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace argosy {
namespace {

TEST(Bins, EachValueFallsInExactlyOneBin) {
  BinCounts bins({0, 1, 2.5});
  for (const double value : {-HUGE_VAL, -1.0, 0.0, 0.99, 1.0, 2.5, HUGE_VAL, std::nan("")}) bins.add(value);
  EXPECT_EQ(bins.counts(), (std::vector<std::uint64_t>{2, 2, 1, 2, 1})) << "under, [0,1), [1,2.5), from 2.5, NaN";
  EXPECT_EQ(bins.total(), 8u);
  bins.clear();
  EXPECT_EQ(bins.total(), 0u);
}

TEST(Bins, EdgesMustAscendAndBeFinite) {
  EXPECT_TRUE(check_edges(std::vector<double>{1}));
  EXPECT_TRUE(check_edges(std::vector<double>{-1, 0, 1}));
  for (const auto& bad : {std::vector<double>{}, std::vector<double>{1, 1}, std::vector<double>{2, 1},
                          std::vector<double>{1, HUGE_VAL}, std::vector<double>(300, 0.0)})
    EXPECT_EQ(check_edges(bad).error().code, Errc::invalid_argument);
}

TEST(Bins, CountsOfTheSameReferenceAddUp) {
  std::vector<std::uint64_t> sum;
  ASSERT_TRUE(add_counts(sum, std::vector<std::uint64_t>{1, 2, 3}));
  ASSERT_TRUE(add_counts(sum, std::vector<std::uint64_t>{1, 0, 1}));
  EXPECT_EQ(sum, (std::vector<std::uint64_t>{2, 2, 4}));
  EXPECT_FALSE(add_counts(sum, std::vector<std::uint64_t>{1}));
}

}  // namespace
}  // namespace argosy
