#include "common/stats/max_t.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "tests/unit/common/stats/golden.hpp"

namespace argosy {
namespace {

struct FamilyOfRows {
  std::vector<DevicePlace> devices;
  std::vector<double> harms;
  std::vector<double> margins;
  MetricFamily view() const { return {devices, harms, margins}; }
};

// Three figures of one latency: what they share, and a little of their own.
FamilyOfRows correlated(Rng& rng, int canaries, int controls, double harm) {
  FamilyOfRows family{.devices = {}, .harms = {}, .margins = {0, 0, 0}};
  for (int i = 0; i < canaries + controls; ++i) {
    const bool is_canary = i < canaries;
    family.devices.push_back({static_cast<std::uint32_t>(i % 2), is_canary ? Arm::canary : Arm::control});
    const double common = rng.normal();
    for (int m = 0; m < 3; ++m) family.harms.push_back(common + 0.4 * rng.normal() + (is_canary && m == 2 ? harm : 0));
  }
  return family;
}

TEST(MaxT, EqualsAllAssignmentsGoneThroughElsewhere) {
  for (const auto& golden : golden_values("families")["cases"]) {
    FamilyOfRows family{.devices = {}, .harms = golden["harms"], .margins = golden["margins"]};
    for (const auto& device : golden["devices"])
      family.devices.push_back({device[0], device[1].get<bool>() ? Arm::canary : Arm::control});
    const auto members = max_t_test(family.view(), {}).value();
    ASSERT_EQ(members.size(), family.margins.size());
    for (std::size_t m = 0; m < members.size(); ++m) {
      EXPECT_NEAR(members[m].theta, golden["theta"][m].get<double>(), 1e-10);
      EXPECT_NEAR(members[m].standardized, golden["standardized"][m].get<double>(), 1e-9);
      EXPECT_NEAR(members[m].p, golden["p"][m].get<double>(), 1e-12);
      EXPECT_NEAR(members[m].p_single_step, golden["p_single_step"][m].get<double>(), 1e-12);
      EXPECT_NEAR(members[m].p_step_down, golden["p_step_down"][m].get<double>(), 1e-12);
    }
  }
}

TEST(MaxT, OfOneMetricIsThePermutationTest) {
  Rng rng(2);
  std::vector<DeviceRow> rows;
  FamilyOfRows family{.devices = {}, .harms = {}, .margins = {0.1}};
  for (int i = 0; i < 12; ++i) {
    rows.push_back({0, i < 4 ? Arm::canary : Arm::control, 0, rng.normal()});
    family.devices.push_back({0, rows.back().arm});
    family.harms.push_back(rows.back().after);
  }
  const auto test = permutation_test(rows, WorseWhen::higher, 0.1, {}).value();
  const auto member = max_t_test(family.view(), {}).value().front();
  EXPECT_NEAR(member.p, test.p, 1e-12);
  EXPECT_NEAR(member.p_step_down, test.p, 1e-12);
  EXPECT_NEAR(member.theta, test.theta, 1e-12);
}

TEST(MaxT, HoldsTheFamilyAtAlphaWithLessLossThanASplit) {
  const std::uint64_t seed = 12;
  Rng rng(seed);
  constexpr int trials = 400;
  int any = 0;
  int found = 0;
  int found_by_split = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const PermutationPlan plan{.seed = rng(), .most_draws = 199, .exact_up_to = 0};
    bool any_now = false;
    for (const auto& member : max_t_test(correlated(rng, 8, 16, 0).view(), plan).value()) {
      ASSERT_LE(member.p, member.p_step_down);
      ASSERT_LE(member.p_step_down, member.p_single_step);
      any_now = any_now || member.p_step_down <= 0.05;
    }
    any += any_now ? 1 : 0;
    const auto slow = max_t_test(correlated(rng, 8, 16, 1).view(), plan).value()[2];
    found += slow.p_step_down <= 0.05 ? 1 : 0;
    found_by_split += slow.p <= 0.05 / 3 ? 1 : 0;
  }
  EXPECT_LE(any, 0.05 * trials + 4 * std::sqrt(0.05 * 0.95 * trials)) << "seed " << seed;
  EXPECT_GE(found, found_by_split) << "seed " << seed;
}

TEST(MaxT, AMetricThatNeverVariesNeverAlarmsAndHidesNoOther) {
  Rng rng(6);
  FamilyOfRows family{.devices = {}, .harms = {}, .margins = {0, 0}};
  for (int i = 0; i < 12; ++i) {
    family.devices.push_back({0, i < 4 ? Arm::canary : Arm::control});
    family.harms.push_back(7);
    family.harms.push_back(i < 4 ? 5 + rng.normal() : rng.normal());
  }
  const auto members = max_t_test(family.view(), {}).value();
  EXPECT_EQ(members[0].standardized, 0);
  EXPECT_EQ(members[0].p, 1);
  EXPECT_LT(members[1].p_step_down, 0.01);
}

TEST(MaxT, RefusesWhatDoesNotFit) {
  const std::vector<DevicePlace> devices{{0, Arm::canary}, {0, Arm::control}};
  const std::vector<double> harms{1, 2, NAN};
  const std::vector<double> margins{0};
  EXPECT_EQ(max_t_test({devices, harms, margins}, {}).error().code, Errc::invalid_argument);
  EXPECT_EQ(max_t_test({devices, {}, {}}, {}).error().code, Errc::invalid_argument);
  EXPECT_EQ(max_t_test({devices, std::span(harms).subspan(1), margins}, {}).error().code, Errc::unavailable);
}

}  // namespace
}  // namespace argosy
