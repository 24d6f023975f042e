#include "server/rollouts/policy.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace argosy::server {
namespace {

using nlohmann::json;

std::string error_of(const char* text) {
  const auto policy = decode_policy(json::parse(text));
  return policy ? "accepted" : policy.error().message;
}

TEST(RolloutPolicy, AnEmptyDocumentIsTheDefaults) {
  const auto policy = decode_policy(json::object());
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_EQ(*policy, Policy{});
  EXPECT_EQ(policy->waves.size(), 3U);
  EXPECT_EQ(policy->gate.success_share, 0.9);
  EXPECT_EQ(policy->probation.max_error_rate, 0.5);
  EXPECT_EQ(policy->in_progress_timeout_s, 3600);
}

TEST(RolloutPolicy, WhatIsWrittenIsReadBack) {
  Policy policy;
  policy.waves = {{0.25}, {1.0}};
  policy.gate = {3, 0.75, 5, 120, true};
  policy.abort = {{{"*"}, 2, 0.5, Reaction::pause}};
  policy.guards = {{.metric = GuardMetric::accuracy, .max_drop = 0.01, .min_samples = 10, .action = Reaction::halt}};
  policy.probation = {.duration_s = 3, .min_observations = 5, .max_latency_ratio = 2.0, .max_error_rate = std::nullopt};
  policy.patch_wait_s = 0;
  const auto again = decode_policy(encode(policy));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, policy);
}

TEST(RolloutPolicy, KeysThatAreLeftOutKeepTheirDefaults) {
  const auto policy = decode_policy(json::parse(R"({"gate": {"bake_s": 5}, "guards": []})"));
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->gate.bake_s, 5);
  EXPECT_EQ(policy->gate.min_executed, 1);
  EXPECT_TRUE(policy->guards.empty());
  EXPECT_EQ(policy->abort, Policy{}.abort);
}

TEST(RolloutPolicy, ErrorsNameTheKeyTheValueAndTheRemedy) {
  EXPECT_EQ(error_of(R"({"gate": {"bake": 5}})"),
            "policy.gate.bake: unknown; known are bake_s, manual, max_dwell_s, min_executed, success_share");
  EXPECT_EQ(error_of(R"({"waves": [{"share": 1.5}]})"), "policy.waves[0].share: 1.5 is outside 1e-06 to 1.0");
  EXPECT_EQ(error_of(R"({"waves": [{"share": 0.5}, {"share": 0.2}]})"),
            "policy.waves[1].share: shares are cumulative and must grow from wave to wave");
  EXPECT_EQ(error_of(R"({"waves": [{"share": 0.5}]})"),
            "policy.waves: the last wave's share must be 1, or some devices get nothing");
  EXPECT_EQ(error_of(R"({"abort": [{"causes": ["sunspots"]}]})"),
            "policy.abort[0].causes[0]: \"sunspots\" is no failure of a release; use \"*\" for any");
  EXPECT_EQ(error_of(R"({"guards": [{"metric": "accuracy", "action": "explode"}]})"),
            "policy.guards[0].action: \"explode\" is none of pause, halt, rollback");
  EXPECT_EQ(error_of(R"({"guards": [{"metric": "accuracy", "max_ratio": 2}]})"),
            "policy.guards[0].max_ratio: unknown; known are action, max_drop, metric, min_samples");
  EXPECT_EQ(error_of(R"({"max_in_progress": 1.5})"), "policy.max_in_progress: must be a whole number");
  EXPECT_EQ(error_of(R"({"max_in_progress": 18446744073709551615})"),
            "policy.max_in_progress: 18446744073709551615 is outside 1 to 100000");
  EXPECT_EQ(error_of(R"({"waves": []})"), "policy.waves: at least one wave is needed");
  EXPECT_EQ(error_of(R"([])"), "policy: must be an object");
}

TEST(RolloutPolicy, ACanaryMayBeSmallerThanOnePercent) {
  EXPECT_TRUE(decode_policy(json::parse(R"({"waves": [{"share": 0.001}, {"share": 1}]})")));
}

}  // namespace
}  // namespace argosy::server
