#include "server/rollouts/core/policy.hpp"

#include <chrono>
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
  policy.guards = {{.metric = GuardMetric::accuracy,
                    .mode = GuardMode::required,
                    .rollback_margin = 0.01,
                    .promotion_margin = 0.03,
                    .weight = 2,
                    .min_samples = 7,
                    .action = Reaction::halt}};
  policy.alpha = 0.01;
  policy.look_s = 60;
  policy.warm_up_s = 0;
  policy.silent_after_s = 7200;
  policy.probation = {.duration_s = 3,
                      .min_observations = 5,
                      .max_latency_ratio = 2.0,
                      .max_error_rate = std::nullopt,
                      .too_few_rolls_back = true};
  policy.patch_wait_s = 0;
  policy.pace = {PaceKind::exponential, 12, 1.5, 20, 600, 30};
  policy.max_downloads = 8;
  policy.targets = Targets::dynamic;
  policy.approval.required = true;
  policy.start_grace_s = 7;
  policy.maintenance = Maintenance{.from = std::chrono::minutes(61), .length = std::chrono::hours(3)};
  const auto again = decode_policy(encode(policy));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, policy);
}

TEST(RolloutPolicy, UsuallyGuardsWhatEveryFleetReports) {
  std::string metrics;
  for (const auto& guard : Policy{}.guards) metrics += std::string(to_string(guard.metric)) + " ";
  EXPECT_EQ(metrics, "latency_p95 error_rate accuracy silence ");
  for (const auto& guard : Policy{}.guards) EXPECT_EQ(guard.mode, GuardMode::automatic);
}

// What older clients send and older rollouts hold.
TEST(RolloutPolicy, ShadowRunsAreAskedForAndThenGuarded) {
  EXPECT_FALSE(decode_policy(json::object())->shadow);
  const auto policy = decode_policy(json::parse(R"({"shadow": {"samples": 200}})"));
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_EQ(*policy->shadow, (wire::ShadowSpec{.samples = 200, .max_s = 1800, .required = false}));
  EXPECT_EQ(policy->guards, usual_guards(true));
  EXPECT_EQ(policy->guards.size(), usual_guards().size() + 2);
  EXPECT_EQ(*decode_policy(encode(*policy)), *policy);
  EXPECT_TRUE(decode_policy(json::parse(R"({"shadow": {}, "guards": []})"))->guards.empty());
}

TEST(RolloutPolicy, FormerNamesOfMarginsAreRead) {
  const auto read = decode_policy(json::parse(
      R"({"guards": [{"metric": "latency_p95", "max_ratio": 3, "min_delta_ms": 5, "min_samples": 7, "action": "halt"},)"
      R"( {"metric": "error_rate", "max_increase": 0.5}, {"metric": "accuracy", "max_drop": 0.01}]})"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->guards[0].rollback_margin, 3);
  EXPECT_EQ(read->guards[0].promotion_margin, 3) << "what passes is not over what is stopped";
  EXPECT_EQ(read->guards[0].floor, 5);
  EXPECT_EQ(read->guards[0].min_samples, 7U);
  EXPECT_EQ(read->guards[0].action, Reaction::halt);
  EXPECT_EQ(read->guards[1].rollback_margin, 0.5);
  EXPECT_EQ(read->guards[2].rollback_margin, 0.01);
  EXPECT_EQ(read->guards[2].promotion_margin, 0.02);
  EXPECT_FALSE(encode(*read)["guards"][0].contains("max_ratio"));
}

TEST(RolloutPolicy, HasNoDeviceTryAgainByItselfUnlessToldTo) {
  EXPECT_TRUE(decode_policy(json::object()).value().retry.causes.empty());
  const auto policy = decode_policy(json::parse(R"({"retry": {"causes": ["download"], "max_attempts": 5}})")).value();
  EXPECT_EQ(policy.retry, (RetryPolicy{{"download"}, 5, 300}));
  EXPECT_EQ(decode_policy(encode(policy)).value(), policy);
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
      {R"({"waves": [{"share": 0.1, "devices": 5}, {"share": 1}]})",
       "policy.waves[0].share: stands beside per_mille or devices: write one of the three"},
      {R"({"waves": [{"devices": 5}, {"share": 0.5}, {"devices": 5}, {"share": 1}]})",
       "policy.waves[2].devices: must be over the count of the wave before: counts are cumulative"},
      {R"({"waves": [{"share": 0.5}, {"per_mille": 400}, {"share": 1}]})",
       "policy.waves[1].per_mille: must be over the share of the wave before: shares are cumulative"},
      {R"({"waves": [{"per_mille": 1001}]})", "policy.waves[0].per_mille: must be from 0.001 to 1000.0"},
      {R"({"waves": [{"devices": 0}, {"share": 1}]})", "policy.waves[0].devices: must be from 1 to 1000000"},
      {R"({"waves": [{"share": 0.5}, {"devices": 1000000}]})",
       "policy.waves: must end with the share 1, or some devices get nothing"},
      {R"({"pace": {"kind": "linear"}})", "policy.pace.kind: must be constant or exponential"},
      {R"({"pace": {"kind": "exponential"}})", "policy.pace.per_minute: is missing: an exponential pace grows from it"},
      {R"({"pace": {"per_minute": 0}})", "policy.pace.per_minute: must be from 0.001 to 1000000.0"},
      {R"({"pace": {"per_minute": 5, "most_per_minute": 4}})",
       "policy.pace.most_per_minute: must be at least per_minute"},
      {R"({"pace": {"jitter_s": 86401}})", "policy.pace.jitter_s: must be from 0 to 86400"},
      {R"({"max_downloads": 0})", "policy.max_downloads: must be from 1 to 100000"},
      {R"({"waves": []})", "policy.waves: must end with the share 1, or some devices get nothing"},
      {R"({"waves": [{}]})", "policy.waves[0].share: is missing"},
      {R"({"retry": {"causes": ["superseded"]}})",
       R"(policy.retry.causes: "superseded" is no failure that is worth another try; use "*" for any)"},
      {R"({"retry": {"causes": ["*"], "max_attempts": 1}})", "policy.retry.max_attempts: must be from 2 to 20"},
      {R"({"retry": {"causes": ["*"], "backoff_s": 0}})", "policy.retry.backoff_s: must be from 1 to 86400"},
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
       "policy.guards[0].metric: must be one of latency_p95, error_rate, accuracy, silence, "},
      {R"({"guards": [{"metric": "accuracy", "mode": "perhaps"}]})",
       "policy.guards[0].mode: must be one of automatic, required, advisory"},
      {R"({"guards": [{"metric": "latency_p95", "rollback_margin": 0.9}]})",
       "policy.guards[0].rollback_margin: must be from 1.0 to 1000.0"},
      {R"({"guards": [{"metric": "latency_p95", "rollback_margin": 1.2, "promotion_margin": 1.1}]})",
       "policy.guards[0].promotion_margin: must not be under rollback_margin: what is stopped for its harm cannot "
       "pass"},
      {R"({"guards": [{"metric": "latency_p95", "rollback_margin": 1.2, "max_ratio": 1.3}]})",
       "policy.guards[0].max_ratio: is the former name of rollback_margin, which is there as well"},
      {R"({"guards": [{"metric": "accuracy", "floor": 0.1}]})", "policy.guards[0].floor: is not known here"},
      {R"({"guards": [{"metric": "accuracy", "weight": 0}]})", "policy.guards[0].weight: must be from 0.01 to 100.0"},
      {R"({"alpha": 0})", "policy.alpha: must be from 1e-06 to 0.5"},
      {R"({"look_s": 0})", "policy.look_s: must be from 1 to 86400"},
      {R"({"guards": [{}]})", "policy.guards[0].metric: is missing"},
      {R"({"guards": [{"metric": "accuracy"}, {"metric": "accuracy"}]})",
       "policy.guards[1].metric: has a guard already: one a metric"},
      {R"({"shadow": {"samples": 0}})", "policy.shadow.samples: must be from 1 to 1000000"},
      {R"({"shadow": {"max_s": 86401}})", "policy.shadow.max_s: must be from 1 to 86400"},
      {R"({"shadow": {"max_s": 3600}})", "policy.in_progress_timeout_s: must be over shadow.max_s"},
      {R"({"guards": [{"metric": "shadow_accuracy"}]})", "policy.guards: judge shadow runs, and there are none"},
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
