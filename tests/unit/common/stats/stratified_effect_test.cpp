#include "common/stats/stratified_effect.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "tests/unit/common/stats/golden.hpp"

namespace argosy {
namespace {

using Changes = std::vector<double>;

struct ClassOfDevices {
  Changes canary;
  Changes control;
};

StratifiedSums sums_over(const std::vector<ClassOfDevices>& classes) {
  StratifiedSums sums;
  for (std::uint32_t stratum = 0; stratum < classes.size(); ++stratum) {
    for (const double d : classes[stratum].canary) sums.add(stratum, Arm::canary, d);
    for (const double d : classes[stratum].control) sums.add(stratum, Arm::control, d);
  }
  return sums;
}

TEST(StratifiedEffect, EqualsTheFormulasAndOfOneClassWelchsTest) {
  for (const auto& golden : golden_values("effects")["cases"]) {
    std::vector<ClassOfDevices> classes;
    for (const auto& one : golden["classes"])
      classes.push_back({one["canary"].get<Changes>(), one["control"].get<Changes>()});
    const auto effect = stratified_effect(sums_over(classes)).value();
    EXPECT_NEAR(effect.theta, golden["theta"].get<double>(), 1e-12);
    EXPECT_NEAR(effect.se(), golden["se"].get<double>(), 1e-12);
    EXPECT_NEAR(effect.freedom, golden["freedom"].get<double>(), 1e-8);
    EXPECT_NEAR(bounds_of(effect, 0.01).lower, golden["lower_0.01"].get<double>(), 1e-10);
    EXPECT_NEAR(p_value_over(effect, 0.02), golden["p_over_0.02"].get<double>(), 1e-10);
    if (!golden.contains("welch")) continue;
    EXPECT_NEAR(effect.freedom, golden["welch"]["freedom"].get<double>(), 1e-8);
    EXPECT_NEAR(p_value_over(effect, 0), golden["welch"]["p"].get<double>(), 1e-10);
    EXPECT_NEAR(bounds_of(effect, 0.05).lower, golden["welch"]["lower_0.05"].get<double>(), 1e-10);
    const auto alone = effect_in(sums_over(classes), 0).value();
    EXPECT_EQ(alone.theta, effect.theta);
    EXPECT_EQ(alone.freedom, effect.freedom);
  }
}

TEST(StratifiedEffect, RowsAreReadOnceAndTheirSumsMerge) {
  const std::vector<DeviceRow> rows{{0, Arm::canary, 1, 3},  {0, Arm::canary, 2, 4.5}, {0, Arm::control, 1, 1},
                                    {0, Arm::control, 3, 4}, {0, Arm::control, 1, 3},  {0, Arm::canary, NAN, 3}};
  const auto sums = sums_of(rows, WorseWhen::higher);
  EXPECT_EQ(sums.left_out(), 1u);
  const auto effect = stratified_effect(sums).value();
  EXPECT_NEAR(effect.theta, 2.25 - 1, 1e-12);
  EXPECT_NEAR(stratified_effect(sums_of(rows, WorseWhen::lower)).value().theta, -1.25, 1e-12);
  auto merged = sums_of(std::span(rows).first(3), WorseWhen::higher);
  merged.merge(sums_of(std::span(rows).subspan(3), WorseWhen::higher));
  EXPECT_NEAR(stratified_effect(merged).value().se(), effect.se(), 1e-12);
  EXPECT_EQ(merged.left_out(), 1u);
}

TEST(StratifiedEffect, AClassWithoutControlIsLeftOutAndSaid) {
  const auto effect = stratified_effect(sums_over({{{1, 2}, {0, 1}}, {{5, 6, 7}, {}}, {{}, {9, 9}}})).value();
  EXPECT_EQ(effect.canaries, 2u);
  EXPECT_EQ(effect.controls, 2u);
  EXPECT_EQ(effect.without_control, 3u);
  EXPECT_NEAR(effect.theta, 1, 1e-12);
  const auto none = stratified_effect(sums_over({{{1, 2}, {}}}));
  EXPECT_EQ(none.error().code, Errc::unavailable);
  EXPECT_EQ(none.error().message, "no control device is of the class of any of the 2 canary devices");
  EXPECT_EQ(stratified_effect(StratifiedSums{}).error().message, "no canary device has a figure yet");
}

TEST(StratifiedEffect, OneCanaryInEachClassBorrowsTheControlsSpread) {
  const auto effect = stratified_effect(sums_over({{{1}, {0, 1, 2}}, {{2}, {0, 2, 4}}})).value();
  EXPECT_TRUE(effect.has_borrowed_variance);
  EXPECT_NEAR(effect.se_canary, std::sqrt((0.25 + 0.25) * (1 + 4) / 2), 1e-12);
  EXPECT_NEAR(effect.se_control, std::sqrt(0.25 * (1.0 / 3 + 4.0 / 3)), 1e-12);
  EXPECT_GT(effect.freedom, 2);
  EXPECT_LT(effect.freedom, 4);
  const auto other_way = stratified_effect(sums_over({{{0, 1, 2}, {1}}})).value();
  EXPECT_TRUE(other_way.has_borrowed_variance);
  EXPECT_NEAR(other_way.se(), std::sqrt(1.0 / 3 + 1), 1e-12);
  EXPECT_EQ(other_way.freedom, 2);
  EXPECT_EQ(stratified_effect(sums_over({{{0}, {1}}})).error().code, Errc::unavailable);
}

TEST(StratifiedEffect, WithoutSpreadTheBoundsAreTheEstimateUnlessTheFigureHasAResolution) {
  const auto sums = sums_over({{{3, 3, 3}, {1, 1}}});
  const auto exact = stratified_effect(sums).value();
  EXPECT_EQ(exact.se(), 0);
  EXPECT_EQ(bounds_of(exact, 0.001).lower, 2);
  EXPECT_EQ(bounds_of(exact, 0.001).upper, 2);
  EXPECT_EQ(p_value_over(exact, 1.9), 0);
  EXPECT_EQ(p_value_over(exact, 2), 1);
  const auto coarse = stratified_effect(sums, 0.5).value();
  EXPECT_NEAR(coarse.se(), 0.5 * std::sqrt(1.0 / 3 + 1.0 / 2), 1e-12);
  EXPECT_LT(bounds_of(coarse, 0.05).lower, 2);
}

TEST(StratifiedEffect, OneClassIsJudgedWithTheCanarysSpreadElsewhereIfItHasButOneDevice) {
  const auto sums = sums_over({{{9}, {0, 1, 2, 1}}, {{1, 2, 3}, {1, 2}}, {{4}, {}}});
  const auto effect = effect_in(sums, 0).value();
  EXPECT_EQ(effect.theta, 8);
  EXPECT_NEAR(effect.se_canary, 1, 1e-12);
  EXPECT_EQ(effect_in(sums, 2).error().code, Errc::unavailable);
  EXPECT_EQ(effect_in(sums, 7).error().code, Errc::unavailable);
}

TEST(StratifiedEffect, RaisesAFalseAlarmAsOftenAsAlphaSaysAndCoversTheTruth) {
  const std::uint64_t seed = 17;
  Rng rng(seed);
  constexpr int trials = 3000;
  int alarms = 0;
  int over = 0;
  for (int trial = 0; trial < trials; ++trial) {
    StratifiedSums sums;
    for (std::uint32_t stratum = 0; stratum < 3; ++stratum) {
      const double drift_of_class = rng.normal();
      const double sigma = 1.0 + stratum;
      for (int i = 0; i < 4; ++i) sums.add(stratum, Arm::canary, drift_of_class + 2 * rng.normal());
      for (int i = 0; i < 9; ++i) sums.add(stratum, Arm::control, drift_of_class + sigma * rng.normal());
    }
    const auto bounds = bounds_of(stratified_effect(sums).value(), 0.05);
    alarms += bounds.lower > 0 ? 1 : 0;
    over += bounds.upper < 0 ? 1 : 0;
  }
  const double allowed = 4 * std::sqrt(0.05 * 0.95 * trials);
  EXPECT_NEAR(alarms, 0.05 * trials, allowed) << "seed " << seed;
  EXPECT_NEAR(over, 0.05 * trials, allowed) << "seed " << seed;
}

TEST(StratifiedEffect, FewDevicesAndWildOnesAreLeftForPermutation) {
  const std::uint64_t seed = 18;
  Rng rng(seed);
  const auto wants = [&](int canaries, double wild) {
    std::vector<DeviceRow> rows;
    for (int i = 0; i < 100; ++i) {
      const double change = rng.normal() + (i % 25 == 3 ? wild : 0);
      rows.push_back({static_cast<std::uint32_t>(i % 3), i < canaries ? Arm::canary : Arm::control, 50.0 * (i % 3), 0});
      rows.back().after = rows.back().before + change;
    }
    return wants_permutation(sums_of(rows, WorseWhen::higher), rows, WorseWhen::higher);
  };
  int calm = 0;
  for (int trial = 0; trial < 100; ++trial) calm += wants(10, 0) ? 0 : 1;
  EXPECT_GE(calm, 97) << "seed " << seed;
  EXPECT_TRUE(wants(9, 0));
  EXPECT_TRUE(wants(10, 12));
  EXPECT_TRUE(wants_permutation({}, {}, WorseWhen::higher));
}

TEST(StratifiedEffect, LargeFleetsAreSummedRowByRow) {
  StratifiedSums sums;
  for (int i = 0; i < 100'000; ++i) sums.add(i % 7, i % 10 == 0 ? Arm::canary : Arm::control, 1e6 + i % 13);
  const auto effect = stratified_effect(sums).value();
  EXPECT_EQ(effect.canaries + effect.controls, 100'000u);
  EXPECT_NEAR(effect.theta, 0, 0.1) << "a common offset of a million costs no digits";
}

}  // namespace
}  // namespace argosy
