#include "common/stats/input_contract.hpp"

#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "common/stats/bins.hpp"
#include "common/stats/reference.hpp"

namespace argosy {
namespace {

struct Feature {
  ReferenceBins bins;
  FeatureContract contract;
  std::vector<BinKind> kinds;

  BinKind kind_of(double value) const { return kinds[bin_of(bins.edges, value)]; }
};

Feature uniform_between(double least, double most) {
  Rng random(1);
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.push_back(least + (most - least) * random.uniform());
  Feature feature{reference_of(values).value(), {}, {}};
  feature.contract = contract_of("x", feature.bins.edges, feature.bins.counts).value();
  feature.kinds = bin_kinds(feature.contract, feature.bins.edges, feature.bins.counts);
  return feature;
}

TEST(InputContract, AllowsForHalfTheRangeOnEitherSide) {
  const auto feature = uniform_between(10, 20);
  EXPECT_NEAR(feature.contract.least, 5, 0.1);
  EXPECT_NEAR(feature.contract.most, 25, 0.1);
  EXPECT_TRUE(feature.contract.varies);
  for (const double value : {10.5, 15.0, 19.9, 7.0, 24.0}) EXPECT_EQ(feature.kind_of(value), BinKind::good) << value;
  for (const double value : {3.0, 30.0}) EXPECT_EQ(feature.kind_of(value), BinKind::out) << value;
}

TEST(InputContract, KnowsAnotherUnitEitherWay) {
  EXPECT_EQ(uniform_between(0.18, 0.42).kind_of(0.3 * 255), BinKind::far);
  EXPECT_EQ(uniform_between(46, 107).kind_of(0.3), BinKind::small);
  EXPECT_EQ(uniform_between(0, 255).kind_of(0.7), BinKind::small);
  EXPECT_EQ(uniform_between(10, 30).kind_of(293), BinKind::far) << "kelvin";
  EXPECT_EQ(uniform_between(283, 303).kind_of(20), BinKind::far) << "degrees Celsius";
  EXPECT_EQ(uniform_between(-10, 10).kind_of(0.01), BinKind::good);
}

TEST(InputContract, KnowsZerosUnlessTheReferenceHasThem) {
  EXPECT_EQ(uniform_between(10, 20).kind_of(0), BinKind::zero);
  EXPECT_EQ(uniform_between(-1, 1).kind_of(0), BinKind::zero);
  EXPECT_EQ(uniform_between(0.2, 0.4).kind_of(0), BinKind::zero);
  const auto binary = reference_of(std::vector<double>{0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1,
                                                       0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1})
                          .value();
  const auto contract = contract_of("on", binary.edges, binary.counts).value();
  const auto kinds = bin_kinds(contract, binary.edges, binary.counts);
  EXPECT_EQ(kinds[bin_of(binary.edges, 0)], BinKind::good);
  EXPECT_EQ(kinds[bin_of(binary.edges, 255)], BinKind::far);
}

TEST(InputContract, OfBinsWithoutRoomAroundKnowsTheOpenEnds) {
  const std::vector<double> edges{1, 2, 3};
  const std::vector<std::uint64_t> counts{0, 500, 500, 0, 0};
  const auto contract = contract_of("x", edges, counts).value();
  const auto kinds = bin_kinds(contract, edges, counts);
  EXPECT_EQ(kinds.front(), BinKind::open);
  EXPECT_EQ(kinds[3], BinKind::open);
  EXPECT_EQ(kinds[1], BinKind::good);
  EXPECT_EQ(kinds[4], BinKind::not_a_number);
  EXPECT_FALSE(contract_of("x", edges, std::vector<std::uint64_t>{0, 0, 0, 0, 7}));
  EXPECT_FALSE(contract_of("x", edges, std::vector<std::uint64_t>{}));
}

}  // namespace
}  // namespace argosy
