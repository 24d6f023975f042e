#include "server/rollouts/guards/change_judge.hpp"

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.hpp"

namespace argosy::server {
namespace {

ChangeGuard latency_of(std::uint32_t classes) {
  return {.worse = WorseWhen::higher, .margins = {std::log(1.05), std::log(1.10)}, .alpha = 0.05, .classes = classes};
}

GuardLook look_at(const ChangeGuard& guard, int number, bool is_longest_dwell = false, std::uint64_t seed = 1) {
  std::vector<double> shares;  // of looks that double
  for (int look = 1; look <= number; ++look)
    shares.push_back(std::ldexp(1, look - number - (is_longest_dwell ? 0 : 1)));
  const auto alphas = alphas_at(guard, {.number = number, .in_wave = number, .shares_of_dwell = shares}).value();
  return {.number = number, .alphas = alphas, .is_longest_dwell = is_longest_dwell, .seed = seed};
}

ChangeVerdict judged(const std::vector<DeviceRow>& rows, const ChangeGuard& guard, int look = 1,
                     bool is_longest_dwell = false) {
  return judge_change(rows, guard, look_at(guard, look, is_longest_dwell)).value();
}

// ln of latencies: so many canaries and three times as many others a class, each with a level of its own.
std::vector<DeviceRow> fleet(const std::vector<int>& canaries_of_class, const std::vector<double>& harm_of_class,
                             std::uint64_t seed, double spread = 0.02) {
  Rng rng(seed);
  std::vector<DeviceRow> rows;
  for (std::uint32_t stratum = 0; stratum < canaries_of_class.size(); ++stratum)
    for (int i = 0; i < 4 * canaries_of_class[stratum]; ++i) {
      const Arm arm = i < canaries_of_class[stratum] ? Arm::canary : Arm::control;
      const double before = 2 + 0.5 * rng.normal();
      const double harm = arm == Arm::canary ? harm_of_class[stratum] : 0;
      rows.push_back({stratum, arm, before, before + 0.1 + harm + spread * rng.normal()});
    }
  return rows;
}

TEST(ChangeJudge, WhatChangesForAllAlikeIsNoHarm) {
  const auto seen = judged(fleet({10, 10}, {0, 0}, 1), latency_of(2));
  EXPECT_EQ(seen.verdict, HarmVerdict::pass);
  EXPECT_NEAR(seen.effect.theta, 0, 0.03);
  EXPECT_EQ(seen.missing_canaries, 0U);
}

TEST(ChangeJudge, WhatIsSurelyOverTheMarginFails) {
  const auto seen = judged(fleet({10, 10}, {std::log(1.2), std::log(1.2)}, 2), latency_of(2));
  EXPECT_EQ(seen.verdict, HarmVerdict::fail);
  EXPECT_GT(seen.bounds.lower, latency_of(2).margins.rollback);
  EXPECT_FALSE(seen.driven_by);
}

TEST(ChangeJudge, AClassThatAloneIsWorseFailsAndIsNamed) {
  const auto seen = judged(fleet({40, 40, 10}, {0, 0, std::log(1.2)}, 3), latency_of(3));
  EXPECT_EQ(seen.verdict, HarmVerdict::fail);
  EXPECT_EQ(seen.driven_by, 2U);
}

TEST(ChangeJudge, FewCanariesAreJudgedByPermutation) {
  const auto seen = judged(fleet({5}, {std::log(1.3)}, 4), latency_of(1));
  EXPECT_TRUE(seen.is_by_permutation);
  EXPECT_EQ(seen.verdict, HarmVerdict::fail);
}

// One of four assignments is as harmful as what was seen, whatever that is: p is 1/4.
TEST(ChangeJudge, ACanaryThatCanNeverTellWaits) {
  EXPECT_EQ(judged(fleet({1}, {2}, 5), latency_of(1)).verdict, HarmVerdict::waiting);
  EXPECT_EQ(judged(fleet({1}, {2}, 5), latency_of(1), 9, true).verdict, HarmVerdict::inconclusive);
}

TEST(ChangeJudge, TooMuchNoiseWaitsAndSaysHowManyMore) {
  const auto seen = judged(fleet({10}, {0}, 6, 0.2), latency_of(1));
  EXPECT_EQ(seen.verdict, HarmVerdict::waiting);
  EXPECT_NE(seen.missing_canaries, 0U);
  EXPECT_EQ(judged(fleet({10}, {0}, 6, 0.2), latency_of(1), 3, true).verdict, HarmVerdict::inconclusive);
}

TEST(ChangeJudge, LessMayBeTheHarm) {
  const std::vector<DeviceRow> rows = fleet({10, 10}, {-0.1, -0.1}, 7);
  const ChangeGuard accuracy{.worse = WorseWhen::lower, .margins = {0.005, 0.02}, .alpha = 0.05, .classes = 2};
  EXPECT_EQ(judged(rows, accuracy).verdict, HarmVerdict::fail);
  EXPECT_EQ(judged(rows, latency_of(2)).verdict, HarmVerdict::pass);
}

TEST(ChangeJudge, WithoutControlsThereIsNoVerdict) {
  std::vector<DeviceRow> rows = fleet({10}, {0}, 8);
  std::erase_if(rows, [](const DeviceRow& row) { return row.arm == Arm::control; });
  EXPECT_EQ(judge_change(rows, latency_of(1), look_at(latency_of(1), 1)).error().code, Errc::unavailable);
}

TEST(ChangeJudge, TheSameSeedGivesTheSameVerdict) {
  const auto rows = fleet({6}, {0.09}, 9, 0.05);
  const auto once = judged(rows, latency_of(1));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(judged(rows, latency_of(1)).verdict, once.verdict);
}

// Four waves of ten looks each, over all classes together and in each alone.
TEST(ChangeJudge, LooksSpendNoMoreThanAlphaHoweverManyWavesThereAre) {
  for (const Looks looks : {Looks::doubling, Looks::towards_the_end}) {
    ChangeGuard guard = latency_of(4);
    guard.looks = looks;
    double spent = 0;
    int number = 0;
    for (int wave = 0; wave < 4; ++wave) {
      std::vector<double> shares;
      for (int look = 1; look <= 10; ++look) {
        shares.push_back(std::ldexp(1, look - 10));
        const auto alphas = alphas_at(guard, {.number = ++number,
                                              .in_wave = look,
                                              .shares_of_dwell = shares,
                                              .share_of_alpha = share_of_alpha_in(wave, 4)})
                                .value();
        if (looks == Looks::doubling) spent += alphas.whole;
        if (look < 10) continue;
        // All that boundaries spend in a wave is what its last look could have had alone.
        spent += share_of_alpha_in(wave, 4) * (guard.alpha / 2) * (looks == Looks::doubling ? 1 : 2);
      }
    }
    EXPECT_LE(spent, guard.alpha * (1 + 1e-9));
    EXPECT_GT(spent, 0.95 * guard.alpha);
  }
}

TEST(ChangeJudge, TheWavesPartsAreTheWhole) {
  for (int waves = 1; waves <= 20; ++waves) {
    double sum = 0;
    for (int wave = 0; wave < waves; ++wave) sum += share_of_alpha_in(wave, waves);
    EXPECT_DOUBLE_EQ(sum, 1) << waves;
  }
}

TEST(ChangeJudge, TowardsTheEndNearlyAllIsLeftForTheLastLook) {
  ChangeGuard guard = latency_of(1);
  guard.looks = Looks::towards_the_end;
  const std::vector<double> shares = {0.1, 0.5, 1};
  const auto first = alphas_at(guard, {.shares_of_dwell = std::span(shares).first(1)}).value();
  const auto last = alphas_at(guard, {.number = 3, .in_wave = 3, .shares_of_dwell = shares}).value();
  EXPECT_LT(first.whole, 1e-6);
  EXPECT_GT(last.whole, 0.04);
  EXPECT_LE(last.whole, guard.alpha);
}

TEST(ChangeJudge, WhereNothingMayBeSpentNothingIsSure) {
  const auto rows = fleet({10, 10}, {1, 1}, 10);
  const auto seen = judge_change(rows, latency_of(2), {.number = 1}).value();
  EXPECT_EQ(seen.verdict, HarmVerdict::waiting);
}

}  // namespace
}  // namespace argosy::server
