#include "server/rollouts/guards/canary_reach.hpp"

#include <cmath>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace argosy::server {
namespace {

using nlohmann::json;

Policy policy_of(const json& guards, json more = json::object()) {
  more["guards"] = guards;
  return decode_policy(more).value();
}
const json latency = {{{"metric", "latency_p95"}}};
const json required_latency = {{{"metric", "latency_p95"}, {"mode", "required"}}};
const json four_alike = {
    {{"metric", "latency_p95"}}, {{"metric", "latency_p50"}}, {{"metric", "latency_p99"}}, {{"metric", "throughput"}}};

std::vector<ClassCount> one_class(std::uint64_t devices, std::uint64_t canaries) {
  return {{"fp32", devices, canaries}};
}

// Windows of a day; each device wavers by `noise` (a share of 20 ms), in turns up and down.
FleetPast past_with(double noise, std::size_t devices = 20, std::uint64_t labelled = 0) {
  FleetPast past{.looked_at = devices, .devices = {}};
  for (std::size_t device = 0; device < devices; ++device) {
    auto& windows = past.devices.emplace_back();
    for (int i = 0; i < 24; ++i) {
      TakenWindow window{.started_at = Instant{} + std::chrono::minutes(5 * i),
                         .ended_at = Instant{} + std::chrono::minutes(5 * i + 5),
                         .count = 100,
                         .errors = 1,
                         .labelled = labelled,
                         .correct = labelled};
      const double sign = i < 12 ? 0 : (device % 2 == 0 ? 1 : -1);
      window.latency.add(20 * (1 + noise * sign), 100);
      windows.push_back(std::move(window));
    }
  }
  return past;
}

GuardReach only_guard(const Policy& policy, const std::vector<ClassCount>& classes, const FleetPast& past) {
  auto reach = reach_of(policy, classes, past).value();
  EXPECT_EQ(reach.guards.size(), 1U);
  return reach.guards.at(0);
}

// C(10, 3) is 120: alpha 0.05 of one guard spends 0.025 and 0.0083 at looks 1 and 2, and less than 1/120 later.
TEST(CanaryReach, ThreeOfTenReachLooksOneAndTwoWithOneGuard) {
  const auto guard = only_guard(policy_of(latency), one_class(10, 3), past_with(0.01));
  ASSERT_GE(guard.looks.size(), 9U) << "a day of looks that double from five minutes";
  EXPECT_NEAR(guard.looks[0].least_p, 1.0 / 120, 1e-12);
  EXPECT_EQ(guard.looks[0].after_s, 300);
  EXPECT_EQ(guard.looks[1].after_s, 600);
  for (const auto& look : guard.looks) EXPECT_EQ(look.can_fail, look.number <= 2) << look.number;
  EXPECT_TRUE(guard.can_fail);
  EXPECT_EQ(guard.message.substr(0, 89),
            "this canary can roll back on p95 latency at looks 1 to 2 alone, until 10 min of measuring");
  EXPECT_EQ(guard.looks.back().after_s, 86460) << "the longest dwell has a look of its own";
}

// The same alpha over four guards leaves 0.00625 at the first look.
TEST(CanaryReach, ThreeOfTenReachNoLookWithFourGuards) {
  const auto reach = reach_of(policy_of(four_alike), one_class(10, 3), past_with(0.01)).value();
  for (const auto& guard : reach.guards) {
    EXPECT_FALSE(guard.can_fail);
    EXPECT_TRUE(guard.can_pass) << "a wrong promotion by one guard may take 0.05";
    EXPECT_EQ(guard.needed, 4U) << "C(10, 4) is 210";
  }
  EXPECT_EQ(reach.guards[0].message, "this canary can never roll back on p95 latency: take at least 4 devices of 10");
  EXPECT_EQ(reach.summary.substr(0, 34), "3 canaries beside 7 that wait: out");
}

TEST(CanaryReach, FourOfTwentyReachSevenLooks) {
  const auto guard = only_guard(policy_of(latency, {{"look_s", 60}}), one_class(20, 4), past_with(0.01));
  EXPECT_TRUE(guard.looks.at(6).can_fail);  // 0.05 / 56 is over 1/4845, and 0.05 / (15 * 16) is at 14
  EXPECT_EQ(guard.looks.at(0).alpha, 0.025);
}

TEST(CanaryReach, AFleetTooSmallSaysThatNoCanaryCan) {
  const auto guard = only_guard(policy_of(latency), one_class(5, 1), past_with(0.01));
  EXPECT_FALSE(guard.can_fail);
  EXPECT_FALSE(guard.needed);
  EXPECT_EQ(
      guard.message,
      "this canary can neither roll back nor pass on p95 latency: no canary of up to half of these 5 devices can");
}

TEST(CanaryReach, WithNobodyWaitingThereIsNothingToCompareWith) {
  const auto guard = only_guard(policy_of(latency, {{"waves", {{{"share", 1}}}}}), one_class(40, 40), past_with(0.01));
  EXPECT_FALSE(guard.can_fail);
  EXPECT_NE(guard.message.find("no device would wait beside it"), std::string::npos) << guard.message;
}

TEST(CanaryReach, TenCanariesAreJudgedByStudentAndReachAnyLook) {
  const auto guard = only_guard(policy_of(latency), one_class(40, 10), past_with(0.01));
  for (const auto& look : guard.looks) EXPECT_TRUE(look.can_fail && look.can_pass) << look.number;
  EXPECT_EQ(guard.message.substr(0, 71), "this canary can roll back on p95 latency from look 1 on, after 5 min, a");
}

TEST(CanaryReach, MoreClassesShareAlphaAndNeedMore) {
  const auto policy = policy_of(latency);
  const auto alone = only_guard(policy, one_class(12, 3), past_with(0.01));
  const auto split = only_guard(policy, {{"fp32", 6, 2}, {"int8", 6, 1}}, past_with(0.01));
  EXPECT_TRUE(alone.can_fail) << "C(12, 3) is 220";
  EXPECT_TRUE(split.can_fail) << "15 * 6 is 90, and half of alpha spends 0.0125";
  EXPECT_LT(split.looks[0].alpha, alone.looks[0].alpha);
  EXPECT_FALSE(split.looks[1].can_fail);
  EXPECT_TRUE(alone.looks[1].can_fail);
}

TEST(CanaryReach, ManyClassesOfOneDeviceEachCanNeverBeCompared) {
  std::vector<ClassCount> classes;
  for (int i = 0; i < 8; ++i) classes.push_back({"board-" + std::to_string(i), 1, i < 4 ? 1U : 0U});
  const auto guard = only_guard(policy_of(latency), classes, past_with(0.01));
  EXPECT_EQ(guard.looks[0].least_p, 1);
  EXPECT_FALSE(guard.can_fail);
}

TEST(CanaryReach, WhatDevicesNeverReportedIsNotMeasurable) {
  const auto policy = policy_of({{{"metric", "accuracy"}}});
  const auto without = only_guard(policy, one_class(40, 10), past_with(0.01));
  EXPECT_EQ(without.reported_by, 0U);
  EXPECT_EQ(without.message.substr(0, 78),
            "accuracy is not measurable: none of 20 devices looked at reported it; this can");
  EXPECT_EQ(only_guard(policy, one_class(40, 10), past_with(0.01, 20, 10)).reported_by, 20U);
  EXPECT_EQ(only_guard(policy, one_class(40, 10), {}).message.substr(0, 64),
            "accuracy is not measurable: no device has a release of the model");
  EXPECT_NE(reach_of(policy, one_class(40, 10), {}).value().summary.find("not measurable: accuracy"),
            std::string::npos);
}

TEST(CanaryReach, ASteadyFleetShowsLessHarmThanAWaveringOne) {
  const auto policy = policy_of(latency);
  const auto steady = only_guard(policy, one_class(400, 40), past_with(0.002));
  const auto wavering = only_guard(policy, one_class(400, 40), past_with(0.5));
  ASSERT_TRUE(steady.visible && wavering.visible);
  EXPECT_GT(*steady.visible, std::log(1.10)) << "over the margin of at least 2 of 20 ms";
  EXPECT_LT(*steady.visible, std::log(1.12));
  EXPECT_GT(*wavering.visible, 1.5 * *steady.visible);
  EXPECT_FALSE(only_guard(policy, one_class(400, 40), past_with(0.2, 2)).visible) << "two devices show no spread";
}

TEST(CanaryReach, ARatioOfAProgramsNumberIsAsFineAsItsLogarithm) {
  const auto policy = policy_of({{{"metric", "custom:tokens"},
                                  {"worse", "higher"},
                                  {"scale", "ratio"},
                                  {"rollback_margin", 1.05},
                                  {"promotion_margin", 1.10}}});
  auto past = past_with(0);
  for (auto& windows : past.devices)
    for (auto& window : windows)
      for (int value = 0; value < 100; ++value) window.numbers["tokens"].add(300);
  const auto reach = only_guard(policy, one_class(400, 40), past);
  ASSERT_TRUE(reach.visible) << reach.message;
  EXPECT_GT(*reach.visible, std::log(1.05));
  EXPECT_LT(*reach.visible, std::log(1.052));
}

TEST(CanaryReach, AdvisoryAndAutomaticGuardsRefuseNothing) {
  EXPECT_EQ(canary_refusal(policy_of(latency), one_class(5, 1)).value(), "");
  EXPECT_EQ(canary_refusal(policy_of({{{"metric", "latency_p95"}, {"mode", "advisory"}}}), one_class(5, 1)).value(),
            "");
}

TEST(CanaryReach, ARequiredGuardOutOfReachIsRefusedWithTheNumberAndTheRemedy) {
  EXPECT_EQ(
      canary_refusal(policy_of(required_latency), one_class(12, 1)).value(),
      "the policy requires the guard on p95 latency, and a first wave of 1 device can neither roll back nor pass on "
      "p95 latency: take at least 2 devices of 12; or write \"canary\": \"widen\", or make the guard automatic");
  EXPECT_EQ(canary_refusal(policy_of(required_latency), one_class(12, 2)).value(), "");
  EXPECT_NE(canary_refusal(policy_of(required_latency), one_class(5, 1)).value().find("no canary of up to half"),
            std::string::npos);
}

TEST(CanaryReach, WidensTheFirstWaveToTheNumber) {
  const auto policy = policy_of(required_latency, {{"canary", "widen"}});
  const auto waves = waves_for(policy, one_class(12, 1)).value();
  EXPECT_EQ(waves.front().devices, 2);
  EXPECT_EQ(waves.size(), policy.waves.size());
  EXPECT_EQ(waves_for(policy, one_class(12, 3)).value(), policy.waves) << "large enough as it is written";
  EXPECT_EQ(waves_for(policy, one_class(5, 1)).value(), policy.waves) << "no number would do";
  EXPECT_EQ(waves_for(policy_of(required_latency), one_class(12, 1)).value(), policy_of(required_latency).waves);
}

TEST(CanaryReach, WidensForAutomaticGuardsTooAndNotForAdvisoryOnes) {
  EXPECT_EQ(waves_for(policy_of(four_alike, {{"canary", "widen"}}), one_class(10, 1)).value().front().devices, 4);
  const json advisory = {{{"metric", "latency_p95"}, {"mode", "advisory"}}};
  EXPECT_FALSE(waves_for(policy_of(advisory, {{"canary", "widen"}}), one_class(12, 1)).value().front().devices);
}

TEST(CanaryReach, TheNumberIsEnoughAndOneLessIsNot) {
  for (const std::uint64_t devices : {10U, 12U, 25U, 60U, 200U, 5000U}) {
    const auto policy = policy_of(four_alike);
    const auto needed = reach_of(policy, one_class(devices, 1), {}).value().guards[0].needed;
    ASSERT_TRUE(needed) << devices;
    EXPECT_TRUE(reach_of(policy, one_class(devices, *needed), {}).value().guards[0].can_fail) << devices;
    if (*needed == 1) continue;
    EXPECT_FALSE(reach_of(policy, one_class(devices, *needed - 1), {}).value().guards[0].can_fail) << devices;
  }
}

TEST(CanaryReach, IsOneDocument) {
  const auto reach = reach_of(policy_of(latency), one_class(10, 3), past_with(0.01), 1).value();
  EXPECT_EQ(reach.summary.substr(0, 35), "3 canaries, widened from 1, beside ");
  const json document = encode(reach);
  EXPECT_EQ(document["canaries"], 3);
  EXPECT_EQ(document["controls"], 7);
  EXPECT_EQ(document["widened_from"], 1);
  EXPECT_EQ(document["classes"][0], (json{{"class", "fp32"}, {"devices", 10}, {"canaries", 3}}));
  EXPECT_EQ(document["guards"][0]["metric"], "latency_p95");
  EXPECT_EQ(document["guards"][0]["looks"][0]["can_fail"], true);
}

TEST(CanaryReach, WithoutGuardsThereIsNothingToTell) {
  const auto reach = reach_of(policy_of(json::array()), one_class(10, 3), {}).value();
  EXPECT_TRUE(reach.guards.empty());
  EXPECT_EQ(reach.summary, "");
}

}  // namespace
}  // namespace argosy::server
