#include "common/stats/permutation.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "common/stats/looks.hpp"
#include "tests/unit/common/stats/golden.hpp"

namespace argosy {
namespace {

using Rows = std::vector<DeviceRow>;

Rows rows_of(const nlohmann::json& classes) {
  Rows rows;
  std::uint32_t stratum = 0;
  for (const auto& one : classes) {
    for (const double harm : one["canary"]) rows.push_back({stratum, Arm::canary, 1, 1 + harm});
    for (const double harm : one["control"]) rows.push_back({stratum, Arm::control, 5, 5 + harm});
    ++stratum;
  }
  return rows;
}

double cauchy(Rng& rng) {
  return std::tan(3.14159265 * (rng.uniform() - 0.5));
}

Rows wild_rows(Rng& rng, int canaries, int controls, double harm) {
  Rows rows;
  for (int i = 0; i < canaries; ++i) rows.push_back({0, Arm::canary, 0, cauchy(rng) + harm});
  for (int i = 0; i < controls; ++i) rows.push_back({0, Arm::control, 0, cauchy(rng)});
  return rows;
}

TEST(Permutation, GoesThroughAllAssignmentsWhereTheyAreFew) {
  for (const auto& golden : golden_values("permutations")["cases"]) {
    const auto test = permutation_test(rows_of(golden["classes"]), WorseWhen::higher, 0, {}).value();
    EXPECT_TRUE(test.is_exact);
    EXPECT_NEAR(test.theta, golden["theta"].get<double>(), 1e-12);
    EXPECT_EQ(test.draws, golden["assignments"].get<std::uint32_t>());
    EXPECT_NEAR(test.p, golden["p"].get<double>(), 1e-12);
    EXPECT_NEAR(test.least_p * test.draws, 1, 1e-9);
    if (golden.contains("scipy_p")) {
      EXPECT_NEAR(test.p, golden["scipy_p"].get<double>(), 1e-12);
    }
  }
}

TEST(Permutation, DrawsComeNearToTheExactPValueAndAreTheSameForTheSameSeed) {
  const auto golden = golden_values("permutations")["cases"][2];
  const PermutationPlan plan{.seed = 3, .most_draws = 20'000, .enough = 0, .exact_up_to = 0};
  const auto rows = rows_of(golden["classes"]);
  const auto test = permutation_test(rows, WorseWhen::higher, 0, plan).value();
  const double exact = golden["p"].get<double>();
  EXPECT_FALSE(test.is_exact);
  EXPECT_EQ(test.draws, 20'000u);
  EXPECT_NEAR(test.p, exact, 4 * std::sqrt(exact * (1 - exact) / 20'000));
  EXPECT_EQ(permutation_test(rows, WorseWhen::higher, 0, plan).value().as_harmful, test.as_harmful);
}

TEST(Permutation, TheSmallestPValueIsOneOverTheProductOfBinomials) {
  const std::vector<StratumSize> ten{{10, 3}};
  EXPECT_NEAR(least_permutation_p(ten), 1.0 / 120, 1e-15);
  EXPECT_NEAR(least_permutation_p(std::vector<StratumSize>{{10, 3}, {4, 2}, {5, 0}, {2, 2}}), 1.0 / 720, 1e-15);
  EXPECT_EQ(least_permutation_p({}), 1);
  Rows rows;
  for (int i = 0; i < 10; ++i) rows.push_back({0, i < 3 ? Arm::canary : Arm::control, 0, i < 3 ? 9.0 + i : 0.1 * i});
  const auto test = permutation_test(rows, WorseWhen::higher, 0, {}).value();
  EXPECT_NEAR(test.p, 1.0 / 120, 1e-12) << "as bad as can be";
  EXPECT_TRUE(rejects(test.p, alpha_of_look(0.05, 2)));
  EXPECT_FALSE(rejects(test.p, alpha_of_look(0.05 / 4, 1)));
}

TEST(Permutation, TheMarginIsWhatHarmIsMeasuredAgainst) {
  Rng rng(8);
  Rows rows;
  for (int i = 0; i < 40; ++i)
    rows.push_back({0, i < 10 ? Arm::canary : Arm::control, 0, (i < 10 ? 1.0 : 0) + 0.1 * rng.normal()});
  EXPECT_LT(permutation_test(rows, WorseWhen::higher, 0.6, {}).value().p, 0.001);
  EXPECT_GT(permutation_test(rows, WorseWhen::higher, 1.2, {}).value().p, 0.99);
  EXPECT_NEAR(permutation_test(rows, WorseWhen::higher, 0.8, {}).value().theta, 1, 0.1);
  EXPECT_GT(permutation_test(rows, WorseWhen::lower, 0, {}).value().p, 0.99);
}

TEST(Permutation, NonInferiorityIsTheSameTestTheOtherWayRound) {
  Rng rng(9);
  Rows rows;
  for (int i = 0; i < 40; ++i)
    rows.push_back({0, i < 10 ? Arm::canary : Arm::control, 0, (i < 10 ? 0.5 : 0) + 0.1 * rng.normal()});
  EXPECT_LT(non_inferiority_test(rows, WorseWhen::higher, 0.9, {}).value().p, 0.001);
  EXPECT_GT(non_inferiority_test(rows, WorseWhen::higher, 0.3, {}).value().p, 0.99);
  EXPECT_NEAR(non_inferiority_test(rows, WorseWhen::higher, 0.9, {}).value().theta, 0.5, 0.1);
  EXPECT_LT(non_inferiority_test(rows, WorseWhen::lower, 0, {}).value().p, 0.001) << "it is better by half";
}

TEST(Permutation, StopsEarlyWhenNothingIsWrong) {
  Rng rng(4);
  const auto test = permutation_test(wild_rows(rng, 20, 180, 0), WorseWhen::higher, 0, {.most_draws = 4999}).value();
  EXPECT_EQ(test.as_harmful, 50u);
  EXPECT_LT(test.draws, 1000u);
  EXPECT_EQ(test.p, 50.0 / test.draws);
}

TEST(Permutation, IsExactWhateverTheTails) {
  const std::uint64_t seed = 31;
  Rng rng(seed);
  constexpr int trials = 600;
  int alarms = 0;
  int found = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const PermutationPlan plan{.seed = rng(), .most_draws = 199, .enough = 20, .exact_up_to = 0};
    alarms += permutation_test(wild_rows(rng, 5, 25, 0), WorseWhen::higher, 0, plan).value().p <= 0.05 ? 1 : 0;
    found += permutation_test(wild_rows(rng, 5, 25, 40), WorseWhen::higher, 0, plan).value().p <= 0.05 ? 1 : 0;
  }
  EXPECT_NEAR(alarms, 0.05 * trials, 4 * std::sqrt(0.05 * 0.95 * trials)) << "seed " << seed;
  EXPECT_GT(found, trials / 2) << "seed " << seed;
}

TEST(Permutation, NeedsBothArmsInSomeClass) {
  const Rows rows{
      {0, Arm::canary, 0, 1}, {1, Arm::control, 0, 1}, {0, Arm::control, 0, NAN}, {9999, Arm::control, 0, 1}};
  EXPECT_EQ(permutation_test(rows, WorseWhen::higher, 0, {}).error().code, Errc::unavailable);
  EXPECT_EQ(draws_for(0.05 / 12), 480u);
}

TEST(Assignments, AreEachDifferentAndDrawnAlikeOften) {
  const std::vector<DevicePlace> places{{0, Arm::canary},  {0, Arm::control}, {0, Arm::control},
                                        {1, Arm::canary},  {1, Arm::canary},  {1, Arm::control},
                                        {1, Arm::control}, {2, Arm::canary},  {3, Arm::control}};
  Assignments assignments(places, 5);
  EXPECT_NEAR(assignments.count(), 18, 1e-9);
  std::set<std::vector<std::uint32_t>> seen;
  do seen.insert({assignments.now().begin(), assignments.now().end()});
  while (assignments.next());
  EXPECT_EQ(seen.size(), 18u);
  std::vector<int> times(9);
  for (int i = 0; i < 6000; ++i) {
    assignments.draw();
    for (const auto device : assignments.now()) ++times[device];
  }
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(times[i], 2000, 4 * std::sqrt(6000 * 2 / 9.0));
  for (int i = 3; i < 7; ++i) EXPECT_NEAR(times[i], 3000, 4 * std::sqrt(6000 / 4.0));
  EXPECT_EQ(times[7] + times[8], 0);
}

}  // namespace
}  // namespace argosy
