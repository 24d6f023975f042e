#include "server/rollouts/core/policy.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

std::string error_of(const char* text) {
  const auto policy = decode_policy(json::parse(text));
  if (policy) return "accepted";
  const auto field = named_field(policy.error());
  return field ? field->field + ": " + field->message : policy.error().message;
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
  policy.guards = {{.metric = GuardMetric::accuracy, .limit = 0.01, .min_samples = 10, .action = Reaction::halt}};
  policy.probation = {.duration_s = 3, .min_observations = 5, .max_latency_ratio = 2.0, .max_error_rate = std::nullopt};
  policy.patch_wait_s = 0;
  const auto again = decode_policy(encode(policy));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, policy);
}

// What clients and stored rollouts hold.
TEST(RolloutPolicy, IsWrittenAsItWasEverWritten) {
  const auto guards = encode(Policy{})["guards"].dump();
  EXPECT_EQ(guards,
            R"([{"action":"rollback","max_ratio":1.5,"metric":"latency_p95","min_delta_ms":2.0,"min_samples":50},)"
            R"({"action":"rollback","max_increase":0.02,"metric":"error_rate","min_samples":50},)"
            R"({"action":"rollback","max_drop":0.03,"metric":"accuracy","min_samples":50}])");
  const auto read = decode_policy(json::parse(
      R"({"guards": [{"metric": "latency_p95", "max_ratio": 3, "min_delta_ms": 5, "min_samples": 7, "action": "halt"},)"
      R"( {"metric": "error_rate", "max_increase": 0.5}, {"metric": "accuracy", "max_drop": 0.25}]})"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(encode(*read)["guards"].dump(),
            R"([{"action":"halt","max_ratio":3.0,"metric":"latency_p95","min_delta_ms":5.0,"min_samples":7},)"
            R"({"action":"rollback","max_increase":0.5,"metric":"error_rate","min_samples":50},)"
            R"({"action":"rollback","max_drop":0.25,"metric":"accuracy","min_samples":50}])");
}

TEST(RolloutPolicy, KeysThatAreLeftOutKeepTheirDefaults) {
  const auto policy = decode_policy(json::parse(R"({"gate": {"bake_s": 5}, "guards": []})"));
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->gate.bake_s, 5);
  EXPECT_EQ(policy->gate.min_executed, 1);
  EXPECT_TRUE(policy->guards.empty());
  EXPECT_EQ(policy->abort, Policy{}.abort);
}

TEST(RolloutPolicy, ErrorsNameTheKeyAndTheRemedy) {
  const std::pair<const char*, const char*> table[] = {
      {R"({"gate": {"bake": 5}})", "policy.gate.bake: is not known here"},
      {R"({"waves": [{"share": 1.5}]})", "policy.waves[0].share: must be from 1e-06 to 1.0"},
      {R"({"waves": [{"share": 0.5}, {"share": 0.2}]})",
       "policy.waves[1].share: must be over the share of the wave before: shares are cumulative"},
      {R"({"waves": [{"share": 0.5}]})", "policy.waves: must end with the share 1, or some devices get nothing"},
      {R"({"waves": []})", "policy.waves: must end with the share 1, or some devices get nothing"},
      {R"({"waves": [{}]})", "policy.waves[0].share: is missing"},
      {R"({"abort": [{"causes": ["sunspots"]}]})",
       R"(policy.abort[0].causes: "sunspots" is no failure of a release; use "*" for any)"},
      {R"({"abort": [{"causes": []}]})", R"(policy.abort[0].causes: must name 1 to 30 causes, or "*" for any)"},
      {R"({"guards": [{"metric": "accuracy", "action": "explode"}]})",
       "policy.guards[0].action: must be one of pause, halt, rollback"},
      {R"({"guards": [{"metric": "accuracy", "max_ratio": 2}]})", "policy.guards[0].max_ratio: is not known here"},
      {R"({"guards": [{"metric": "latency_p95", "max_drop": 0.1}]})", "policy.guards[0].max_drop: is not known here"},
      {R"({"guards": [{"metric": "error_rate", "max_increase": 1.5}]})",
       "policy.guards[0].max_increase: must be from 0.0 to 1.0"},
      {R"({"guards": [{"metric": "latency_p95", "max_ratio": 0.5}]})",
       "policy.guards[0].max_ratio: must be from 1.0 to 1000.0"},
      {R"({"guards": [{"metric": "latency_p95", "min_delta_ms": -1}]})",
       "policy.guards[0].min_delta_ms: must be from 0.0"},
      {R"({"guards": [{"metric": "luck"}]})",
       "policy.guards[0].metric: must be one of latency_p95, error_rate, accuracy"},
      {R"({"guards": [{}]})", "policy.guards[0].metric: is missing"},
      {R"({"guards": [{"metric": "accuracy"}, {"metric": "accuracy"}]})",
       "policy.guards[1].metric: has a guard already: one a metric"},
      {R"({"max_in_progress": 0})", "policy.max_in_progress: must be from 1 to 100000"},
  };
  for (const auto& [text, message] : table) EXPECT_TRUE(error_of(text).starts_with(message)) << error_of(text);
}

TEST(RolloutPolicy, NullSwitchesALimitOfProbationOff) {
  const auto policy = decode_policy(json::parse(R"({"probation": {"max_error_rate": null, "max_latency_ratio": 2}})"));
  ASSERT_TRUE(policy);
  EXPECT_FALSE(policy->probation.max_error_rate);
  EXPECT_EQ(policy->probation.max_latency_ratio, 2.0);
}

TEST(RolloutPolicy, ACanaryMayBeSmallerThanOnePercent) {
  EXPECT_TRUE(decode_policy(json::parse(R"({"waves": [{"share": 0.001}, {"share": 1}]})")));
}

}  // namespace
}  // namespace argosy::server
