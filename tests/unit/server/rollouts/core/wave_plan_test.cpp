#include "server/rollouts/core/wave_plan.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

std::vector<Candidate> fleet(const std::map<std::string, int>& classes) {
  std::vector<Candidate> devices;
  for (const auto& [name, size] : classes) {
    for (int i = 0; i < size; ++i) devices.push_back({name + "-" + std::to_string(i), name});
  }
  return devices;
}

std::string class_of(const std::string& device) {
  return device.substr(0, device.rfind('-'));
}

std::map<std::string, int> per_class(const std::vector<Assignment>& plan, int up_to_wave) {
  std::map<std::string, int> counts;
  for (const auto& place : plan) {
    if (place.wave <= up_to_wave) ++counts[class_of(place.device)];
  }
  return counts;
}

int total(const std::map<std::string, int>& counts) {
  int all = 0;
  for (const auto& [name, devices] : counts) all += devices;
  return all;
}

TEST(WavePlan, AQuarterOfTwelveInTwoClassesIsThreeCanariesFromBoth) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto canaries = per_class(plan_waves(seed, fleet({{"fp32", 6}, {"int8", 6}}), {0.25, 1.0}), 0);
    EXPECT_EQ(total(canaries), 3);
    EXPECT_EQ(canaries.size(), 2U) << "seed " << seed;
  }
}

TEST(WavePlan, EveryOpenedShareHoldsEachClassInItsProportion) {
  const std::map<std::string, int> sizes{{"orin", 400}, {"pi", 250}, {"x86", 50}};
  const std::vector<double> shares{0.01, 0.1, 0.33, 1.0};
  const auto plan = plan_waves(7, fleet(sizes), shares);
  for (std::size_t wave = 0; wave < shares.size(); ++wave) {
    const auto open = per_class(plan, static_cast<int>(wave));
    EXPECT_EQ(total(open), static_cast<int>(shares[wave] * 700 + 0.5));
    for (const auto& [name, size] : sizes) {
      const auto found = open.find(name);
      EXPECT_NEAR(found == open.end() ? 0 : found->second, shares[wave] * size, 1.0) << name << " in wave " << wave;
    }
  }
}

TEST(WavePlan, ThereIsACanaryHoweverSmallTheShare) {
  const auto plan = plan_waves(1, fleet({{"pi", 9}}), {0.0001, 1.0});
  EXPECT_EQ(total(per_class(plan, 0)), 1);
  EXPECT_EQ(plan_waves(1, fleet({{"pi", 1}}), {0.25, 1.0}).front().wave, 0);
}

TEST(WavePlan, TheSameSeedRepeatsThePlanInAnyOrderOfDevices) {
  auto devices = fleet({{"fp32", 20}, {"int8", 7}});
  const auto plan = plan_waves(42, devices, {0.1, 1.0});
  std::vector<Candidate> reversed(devices.rbegin(), devices.rend());
  EXPECT_EQ(plan, plan_waves(42, reversed, {0.1, 1.0}));
}

TEST(WavePlan, AnotherRolloutHasOtherCanaries) {
  std::set<std::string> first;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    first.insert(plan_waves(seed, fleet({{"pi", 20}}), {0.05, 1.0}).front().device);
  }
  EXPECT_GT(first.size(), 8U);
}

TEST(WavePlan, EachDeviceHasOneWave) {
  const auto devices = fleet({{"a", 13}, {"b", 1}, {"c", 29}});
  const auto plan = plan_waves(3, devices, {0.2, 0.21, 0.5, 1.0});
  std::set<std::string> seen;
  for (const auto& place : plan) EXPECT_TRUE(seen.insert(place.device).second);
  EXPECT_EQ(seen.size(), devices.size());
}

TEST(WavePlan, CountedItIsTheSamePlan) {
  const std::vector<std::map<std::string, int>> fleets{
      {{"fp32", 6}, {"int8", 6}}, {{"a", 13}, {"b", 1}, {"c", 29}, {"d", 13}}, {{"pi", 1}}, {{"x", 97}, {"y", 98}}};
  for (const auto& classes : fleets) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const std::vector<double> shares{0.001, 0.2, 0.21, 0.5, 1.0};
      std::vector<ClassSizes> expected(shares.size());
      for (const auto& place : plan_waves(seed, fleet(classes), shares))
        ++expected[static_cast<std::size_t>(place.wave)][class_of(place.device)];
      ClassSizes sizes;
      for (const auto& [name, size] : classes) sizes[name] = static_cast<std::uint64_t>(size);
      auto counted = count_waves(seed, sizes, shares);
      for (auto& wave : counted) std::erase_if(wave, [](const auto& one) { return one.second == 0; });
      EXPECT_EQ(counted, expected) << "seed " << seed;
    }
  }
}

TEST(WavePlan, NobodyIsNoPlan) {
  EXPECT_TRUE(plan_waves(1, {}, {1.0}).empty());
}

}  // namespace
}  // namespace argosy::server
