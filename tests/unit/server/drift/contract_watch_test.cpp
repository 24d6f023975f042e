#include "server/drift/contract_watch.hpp"

#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "common/stats/bins.hpp"
#include "common/stats/reference.hpp"
#include "server/telemetry/packed.hpp"

namespace argosy::server {
namespace {

const Instant opened = parse_rfc3339("2026-03-01T12:00:00Z").value();
constexpr Duration minute{60'000};
constexpr Duration day{24 * 3'600'000};
const ContractRule contract_rule;

wire::FeatureReference uniform_feature(const std::string& name, double least, double most) {
  Rng random(7);
  std::vector<double> values;
  for (int i = 0; i < 2000; ++i) values.push_back(least + (most - least) * random.uniform());
  auto bins = reference_of(values).value();
  return {name, std::move(bins.edges), std::move(bins.counts)};
}

// A device that sends what `value` gives, a window a minute.
class Contract : public ::testing::Test {
 protected:
  using Values = std::function<std::vector<double>(Rng&)>;

  void use(JudgedReference judged) {
    model = std::move(judged);
    watch = ContractWatch(model->inputs);
  }
  void feed(int windows, const Values& values, std::uint64_t inferences = 60) {
    for (int i = 0; i < windows; ++i) {
      HeardWindow window{opened + ++minutes * minute, length, inferences,
                         std::vector<HistogramCounts>(model->features.size()), failed};
      if (predicts) window.counts.back() = HistogramCounts(model->features.back().bins(), 1);
      const auto given = values(random);
      if (!given.empty()) {
        window.counts[0].resize(model->features[0].bins());
        for (const double value : given) ++window.counts[0][bin_of(model->features[0].reference.edges, value)];
      }
      watch.add(contract_rule, *model, window);
      breaches = watch.judge(contract_rule, *model, day, [this](std::size_t) { return peers_send; });
      worst = std::max(worst, breaches.size());
    }
  }
  void feed_one(int windows, double value) {
    feed(windows, [value](Rng&) { return std::vector<double>{value}; });
  }
  ContractFault fault() const { return breaches.empty() ? ContractFault::none : breaches.front().fault; }

  static std::vector<double> nothing(Rng&) { return {}; }
  static std::vector<double> healthy(Rng& random) { return {10 + 10 * random.uniform()}; }

  JudgedReference model = judged_reference({uniform_feature("level", 10, 20)});
  ContractWatch watch{1};
  std::vector<ContractBreach> breaches;
  std::size_t worst = 0;
  Rng random{1};
  int minutes = 0;
  Duration length = minute;
  std::uint64_t failed = 0;
  bool predicts = false;
  bool peers_send = false;
};

TEST_F(Contract, IsKeptByADayOfWhatTrainingKnew) {
  feed(1440, healthy);
  EXPECT_EQ(worst, 0u);
}

TEST_F(Contract, FindsEachFaultWithinMinutesAndItsEnd) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<std::pair<double, ContractFault>> faults{
      {15 * 25.5, ContractFault::unit},   {0.1, ContractFault::unit}, {0, ContractFault::all_zero},
      {nan, ContractFault::not_a_number}, {28, ContractFault::range}, {3, ContractFault::range}};
  for (const auto& [value, expected] : faults) {
    feed(60, healthy);
    ASSERT_EQ(fault(), ContractFault::none) << to_string(expected);
    feed_one(30, value);
    EXPECT_EQ(fault(), expected) << value;
    feed(60, healthy);
    EXPECT_EQ(fault(), ContractFault::none) << to_string(expected);
  }
}

TEST_F(Contract, AValueThatDoesNotVaryIsStuckAfterAWhile) {
  feed(60, healthy);
  feed_one(12 * 60, 15.2);
  EXPECT_EQ(fault(), ContractFault::none) << "a night";
  feed_one(13 * 60, 15.2);
  EXPECT_EQ(fault(), ContractFault::stuck);
  EXPECT_NE(describe_breach(*model, breaches.front()).find("has not varied for"), std::string::npos);
  feed(1, healthy);
  EXPECT_EQ(fault(), ContractFault::none);
}

TEST_F(Contract, WhatNeverVariedMayStay) {
  auto bins = reference_of(std::vector<double>(200, 5.0)).value();
  use(judged_reference({{"constant", bins.edges, bins.counts}}));
  feed_one(1440, 5);
  EXPECT_EQ(worst, 0u);
  feed_one(30, 6);
  EXPECT_EQ(fault(), ContractFault::range);
}

TEST_F(Contract, AFeatureThatIsNoLongerSentIsMissing) {
  feed(10, healthy);
  feed(15, nothing);
  EXPECT_EQ(fault(), ContractFault::missing);
  feed(5, healthy);
  EXPECT_EQ(fault(), ContractFault::none);
}

TEST_F(Contract, AFeatureThatNobodySendsIsNobodysFault) {
  predicts = true;
  feed(100, nothing);
  EXPECT_EQ(worst, 0u);
  peers_send = true;
  feed(1, nothing);
  EXPECT_EQ(fault(), ContractFault::missing) << "unless its peers do";
}

TEST_F(Contract, AModelServerThatIsAskedHowManyThereWereMissesNothing) {
  peers_send = true;
  feed(100, nothing);
  EXPECT_EQ(worst, 0U) << "it never spoke";
  predicts = true;
  feed(50, healthy);
  predicts = false;
  feed(100, nothing);
  EXPECT_EQ(worst, 0U) << "a program spoke, and a model server came in its place";
}

TEST_F(Contract, AFeatureThatComesOnceInManyWindowsIsNotMissingBetween) {
  for (int i = 0; i < 6; ++i) {
    feed(119, nothing);
    feed(1, healthy);
  }
  EXPECT_EQ(worst, 0U);
  feed(400, nothing);
  EXPECT_EQ(worst, 0U);
  feed(100, nothing);
  EXPECT_EQ(fault(), ContractFault::missing);
  feed(1, healthy);
  feed(500, nothing);
  EXPECT_EQ(fault(), ContractFault::missing) << "of the time that it was missing nothing is learned";
}

TEST_F(Contract, WhatFailsHasNoFeatures) {
  feed(10, healthy);
  failed = 60;
  feed(100, nothing);
  EXPECT_EQ(worst, 0U);
  failed = 59;
  feed(10, nothing);
  EXPECT_EQ(fault(), ContractFault::missing);
}

TEST_F(Contract, AWindowCutShortOrWhoseClockWasSetKeepsThePromisedRate) {
  InputContract promised;
  promised.least_per_minute = 40;
  promised.most_per_minute = 80;
  use(judged_reference({uniform_feature("level", 10, 20)}, promised));
  const auto odd = [&](Duration lasted, std::uint64_t inferences) {
    length = lasted;
    feed(1, healthy, inferences);
    length = minute;
    feed(30, healthy, 60);
  };
  feed(30, healthy, 60);
  odd(Duration{300}, 8);          // the agent restarted, and found what waited
  odd(Duration{7'200'000}, 60);   // its clock went two hours ahead
  odd(Duration{-7'200'000}, 60);  // and back
  odd(Duration{30'000}, 60);
  EXPECT_EQ(worst, 0U);
  length = 10 * minute;  // somebody configured other windows
  feed(30, healthy, 600);
  EXPECT_EQ(worst, 0U);
}

TEST_F(Contract, ARateThatIsPromisedIsLookedAt) {
  InputContract promised;
  promised.least_per_minute = 30;
  promised.most_per_minute = 120;
  use(judged_reference({uniform_feature("level", 10, 20)}, promised));
  feed(60, healthy, 60);
  EXPECT_EQ(worst, 0u);
  feed(60, healthy, 3);
  EXPECT_EQ(fault(), ContractFault::rate);
  EXPECT_EQ(describe_breach(*model, breaches.front()),
            "there are 3.003 inferences a minute, and there should be 30 or more, and at most 120");
  feed(60, healthy, 60);
  EXPECT_EQ(fault(), ContractFault::none);
}

TEST_F(Contract, WhatThePublisherPromisedCountsBeforeTheReference) {
  InputContract promised;
  promised.features = {{"level", 12, 18, 0, true}};
  use(judged_reference({uniform_feature("level", 10, 20)}, promised));
  feed(60, [](Rng& random) { return std::vector<double>{12.5 + 5 * random.uniform()}; });
  EXPECT_EQ(fault(), ContractFault::none);
  feed_one(30, 11);
  EXPECT_EQ(fault(), ContractFault::range) << "though the reference itself holds such values";
}

TEST_F(Contract, IsTheSameAfterItWasPacked) {
  predicts = true;
  feed(20, healthy);
  feed(7, nothing);
  feed_one(9, 0);
  const auto packed = packed_by([this](Packer& out) { watch.put(out); });
  ContractWatch other(1);
  Unpacker in(packed);
  other.take(in);
  EXPECT_TRUE(in.is_at_end());
  EXPECT_EQ(other.faults(), watch.faults());
  EXPECT_EQ(packed_by([&](Packer& out) { other.put(out); }), packed);
  EXPECT_LT(packed.size(), 50u);
}

TEST_F(Contract, WhoWasAwayDidNotStandStill) {
  feed(30, healthy);
  feed_one(40, 12.5);
  minutes += 12 * 60;
  feed_one(40, 12.5);
  EXPECT_EQ(fault(), ContractFault::none);
  feed_one(24 * 60, 12.5);
  EXPECT_EQ(fault(), ContractFault::stuck);
}

TEST_F(Contract, OneOddValueOfAFewBreaksNothing) {
  for (const double odd : {std::numeric_limits<double>::quiet_NaN(), 1e6}) {
    feed(6, healthy);
    feed_one(1, odd);
    EXPECT_EQ(worst, 0U) << odd;
  }
  feed_one(20, std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(fault(), ContractFault::not_a_number);
}

TEST_F(Contract, ABurstOfOneOrTwoWindowsBreaksNothing) {
  const auto twenty = [](Rng& random) {
    std::vector<double> values;
    for (int i = 0; i < 20; ++i) values.push_back(10 + 10 * random.uniform());
    return values;
  };
  for (const double odd : {std::numeric_limits<double>::quiet_NaN(), 29.0}) {
    const auto burst = [odd](Rng&) { return std::vector<double>(20, odd); };
    feed(60, twenty);
    worst = 0;
    for (const int windows : {1, 2}) {
      feed(windows, burst);
      feed(60, twenty);
    }
    EXPECT_EQ(worst, 0U) << odd;
    feed(6, burst);
    EXPECT_NE(fault(), ContractFault::none) << odd;
  }
}

// What a device is, where it stands: one value here, another elsewhere.
TEST_F(Contract, AValueThatIsTheDevicesOwnIsNotStuck) {
  std::vector<double> kinds;
  for (int i = 0; i < 600; ++i) kinds.push_back(i % 20);
  auto bins = reference_of(kinds).value();
  use(judged_reference({{"kind", bins.edges, bins.counts}}));
  feed_one(2 * 1440, 7);
  EXPECT_EQ(worst, 0u);
}

TEST_F(Contract, AWeekendIsNotStuckWhereNightsAreStill) {
  const auto hour_by_hour = [&](int hours, bool still) {
    still ? feed_one(60 * hours, 10.2) : feed(60 * hours, healthy);
  };
  for (int weekday = 0; weekday < 5; ++weekday) {
    hour_by_hour(11, false);
    hour_by_hour(weekday < 4 ? 13 : 61, true);
  }
  EXPECT_EQ(worst, 0u);
}

// Most values are small against the largest that training had.
TEST_F(Contract, ALongTailIsOfNoOtherScale) {
  const auto long_tail = [](Rng& random) { return std::vector<double>{std::exp(2 * random.normal())}; };
  Rng drawn(99);
  std::vector<double> sample;
  for (int i = 0; i < 1000; ++i) sample.push_back(long_tail(drawn).front());
  auto bins = reference_of(sample).value();
  use(judged_reference({{"size", bins.edges, bins.counts}}));
  feed(1440, long_tail);
  EXPECT_EQ(worst, 0u);
}

TEST_F(Contract, ARateAtItsPromiseIsKept) {
  InputContract promised;
  promised.least_per_minute = 30;
  use(judged_reference({uniform_feature("level", 10, 20)}, promised));
  for (int i = 0; i < 1000; ++i)
    feed(1, healthy, static_cast<std::uint64_t>(std::max(0.0, 30 + std::sqrt(30.0) * random.normal())));
  EXPECT_EQ(worst, 0u);
}

}  // namespace
}  // namespace argosy::server
